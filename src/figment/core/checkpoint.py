"""Weights as safetensors with a JSON header that says what they are, from what data, by which recipe."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from figment import __version__
from figment.core import weights
from figment.core.dataset import Source
from figment.core.errors import CheckpointError, OutputError
from figment.core.files import write_atomically

__all__ = ["Metadata", "load", "read_metadata", "save"]


@dataclass(frozen=True)
class Metadata:
    """What a weights file says of itself."""

    family: str
    """Module name in `figment.families`."""
    config: Mapping[str, Any]
    """Fields of the family's Config."""
    sources: tuple[Source, ...] = ()
    """Data lineage and licences."""
    recipe: str = ""
    """Name of the recipe that made it."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """Training steps done, by stage."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Last figures of the training log."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the family needs to load, such as a vocabulary; plain JSON."""
    figment: str = __version__
    """Version that wrote the file."""


def save(path: Path, tensors: Mapping[str, Tensor], metadata: Metadata) -> None:
    """Write a weights file atomically. Raises OutputError when the disk refuses."""
    header = {"figment": json.dumps(asdict(metadata), ensure_ascii=False)}
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}

    def write(part: Path) -> None:
        try:
            save_file(ready, part, header)
        except SafetensorError as error:
            raise OutputError(f"Cannot write {path}: {error}.") from error

    write_atomically(path, write)


def read_metadata(path: Path) -> Metadata:
    """What `path` says of itself, without reading its tensors."""
    return _open(path)[0]


def load(path: Path) -> tuple[dict[str, Tensor], Metadata]:
    """Tensors on the CPU and metadata of a Figment weights file. Raises CheckpointError."""
    metadata, names = _open(path)
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in names}, metadata


def _open(path: Path) -> tuple[Metadata, list[str]]:
    if not path.is_file():
        raise CheckpointError(f"There is no weights file {path}.")
    names = list(weights.check(path))
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("figment")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); copy it again.") from error
    if header is None:
        raise CheckpointError(f"{path} was not made by Figment: its header has no 'figment' entry.")
    return _parse(path, header), names


def _parse(path: Path, header: str) -> Metadata:
    try:
        values = json.loads(header)
        sources = tuple(Source(**source) for source in values.pop("sources"))
        return Metadata(sources=sources, **values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error}); copy it again.") from error
