"""What a training leaves in the folder `model`, and goes on from.

figment.safetensors         the network, as merging needs it
figment-00012000.state      all that going on needs; the last few of them
log.jsonl                   figures; figment-curve.png is drawn of them
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from figment.core.errors import OutputError, TrainingError
from figment.core.files import write_atomically

__all__ = ["States", "SwapState"]


@dataclass
class SwapState:
    """A training between two steps."""

    step: int
    weights: Mapping[str, Tensor]
    average: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    shape: Mapping[str, Any]
    """Of the network, plain."""
    slowed: float = 1.0
    """What the learning rate is multiplied by after breakdowns."""
    likeness: list[tuple[int, float]] = field(default_factory=list)
    """Step and SSIM of faces that were kept back."""
    seconds: float = 0.0
    """How long was trained."""


class States:
    """The states of the training called `name` in `folder`."""

    def __init__(self, folder: Path, name: str, keep: int) -> None:
        """Keep the last `keep`."""
        self.folder, self.name, self.keep = folder, name, keep

    def save(self, state: SwapState) -> None:
        """Write `state` atomically, then remove the oldest. Raises OutputError when the disk refuses."""
        path = self.folder / f"{self.name}-{state.step:08}.state"
        plain = {entry.name: getattr(state, entry.name) for entry in dataclasses.fields(state)}

        def write(part: Path) -> None:
            try:
                torch.save(plain, part)
            except RuntimeError as error:  # what torch makes of a full disk
                raise OutputError(f"Cannot write {path}: is the disk full? Older states are kept.") from error

        write_atomically(path, write)
        for old in self._paths()[self.keep :]:
            old.unlink(missing_ok=True)

    def newest(self) -> SwapState | None:
        """The newest state that can be read; None where none was saved. Raises TrainingError where all are damaged."""
        paths = self._paths()
        for path in paths:
            try:
                return SwapState(**torch.load(path, map_location="cpu", weights_only=True))
            except (RuntimeError, OSError, ValueError, TypeError, EOFError, UnpicklingError):
                continue
        if paths:
            raise TrainingError(f"No state of {self.name} in {self.folder} can be read; move them away to begin anew.")
        return None

    def _paths(self) -> list[Path]:
        """The newest first."""
        return sorted(self.folder.glob(f"{self.name}-*.state"), reverse=True)
