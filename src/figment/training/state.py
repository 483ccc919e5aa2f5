"""The folder of a run: its recipe, its exact state, and the weights to sample from."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from figment import families
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.errors import OutputError, TrainingError
from figment.core.files import write_atomically, write_bytes
from figment.core.model import GenerativeModel
from figment.training.recipe import Recipe

__all__ = ["RunFolder", "State"]


@dataclass(frozen=True)
class State:
    """All that going on exactly needs."""

    stage: int = 0
    """Number of the stage under way."""
    step: int = 0
    """Steps of it that are done."""
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    """The model's state_dict."""
    average: Mapping[str, Tensor] = field(default_factory=dict)
    """Moving average of the weights that the stage trains."""
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    """State of each optimiser; empty between two stages."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Last figures of the log."""

    def begun(self, stage: int) -> bool:
        """Whether any step of stage number `stage` is done."""
        return stage < self.stage or (stage == self.stage and self.step > 0)


class RunFolder:
    """Reads and writes one run."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path, self.recipe = path, recipe
        self.weights = path / "model.safetensors"
        self._state = path / "state.pt"

    def resume(self, model: GenerativeModel[Any]) -> State:
        """Load the saved weights into `model` and return where the run stands. A fresh folder starts at step 0."""
        wanted = to_dict(self.recipe)
        written = self.path / "recipe.json"
        if not self._state.exists():
            write_bytes(written, json.dumps(wanted, ensure_ascii=False, indent=1).encode())
            return State()
        try:
            state = State(**torch.load(self._state, map_location="cpu", weights_only=True))
            before = json.loads(written.read_text(encoding="utf-8"))
        except (RuntimeError, OSError, ValueError, TypeError, EOFError, UnpicklingError) as error:
            raise TrainingError(f"The state of the run in {self.path} cannot be read ({error}).") from error
        self._compare(before, wanted, state.stage + (state.step > 0))
        write_bytes(written, json.dumps(wanted, ensure_ascii=False, indent=1).encode())
        model.load_state_dict(dict(state.weights))
        return state

    def _compare(self, before: dict[str, Any], wanted: dict[str, Any], begun: int) -> None:
        """What has been trained must not change; stages to come may."""
        for key in ("family", "start", "seed", "precision", "model"):
            if before[key] != wanted[key]:
                self._refuse(key, before[key], wanted[key])
        for number, old in enumerate(before["stages"][:begun]):
            new = wanted["stages"][number] if number < len(wanted["stages"]) else {}
            for key, value in old.items():
                if new.get(key) != value:
                    self._refuse(f"{old['name']} {key}", value, new.get(key))

    def _refuse(self, what: str, before: object, wanted: object) -> None:
        raise TrainingError(
            f"The run in {self.path} was started with {what} = {before}, not {wanted}; "
            "go on with the same recipe or name another folder."
        )

    def save(self, state: State) -> None:
        """Write the state atomically. Raises OutputError when the disk refuses; the state before stays."""
        plain = {entry.name: getattr(state, entry.name) for entry in dataclasses.fields(state)}

        def write(part: Path) -> None:
            try:
                torch.save(plain, part)
            except RuntimeError as error:  # what torch makes of a full disk
                raise OutputError(f"Cannot write {self._state}: is the disk full? The state before is kept.") from error

        write_atomically(self._state, write)

    def export(
        self,
        model: GenerativeModel[Any],
        metadata: Metadata,
        steps: Mapping[str, int],
        figures: Mapping[str, float],
        half: bool,
    ) -> None:
        """Write the weights that sampling needs."""
        families.export(model, self.weights, dataclasses.replace(metadata, steps=steps, metrics=figures), half=half)
