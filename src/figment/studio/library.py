"""The models that can be used: those that ship with Figment, those in models/Figment, and the runs of this folder."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from figment.core.errors import InputError
from figment.diffusion.fingerprints import fingerprint

__all__ = ["DEFAULT", "Entry", "entries", "find"]

DEFAULT = "sprites-128"
"""The model that is used when none is named."""


@dataclass(frozen=True)
class Entry:
    """A model that was found."""

    name: str
    path: Path
    place: str
    """Where it comes from: "built in", "models" or "run"."""

    @property
    def sha256(self) -> str:
        """Hash of the weights file, hexadecimal."""
        return fingerprint(self.path)

    @property
    def hash(self) -> str:
        """First ten digits of `sha256`, as AUTOMATIC1111 names models."""
        return self.sha256[:10]


def entries(root: Path = Path()) -> tuple[Entry, ...]:
    """Every model, those of the folder `root` after the built-in ones."""
    shipped = Path(str(files("figment") / "weights"))
    found = [Entry(path.stem, path, "built in") for path in sorted(shipped.glob("*.safetensors"))]
    found += [Entry(path.stem, path, "models") for path in sorted((root / "models/Figment").glob("*.safetensors"))]
    found += [Entry(path.parent.name, path, "run") for path in sorted((root / "runs").glob("*/model.safetensors"))]
    return tuple(found)


def find(name: str | None, root: Path = Path()) -> Entry:
    """The model called `name`, or at the path `name`; the default one for None. Raises InputError."""
    wanted = name or DEFAULT
    known = entries(root)
    for entry in known:
        if entry.name == wanted:
            return entry
    path = Path(wanted)
    if path.is_dir() and (path / "model.safetensors").is_file():
        return Entry(path.name, path / "model.safetensors", "run")
    if path.is_file():
        return Entry(path.stem, path, "models")
    names = ", ".join(entry.name for entry in known) or "none yet"
    raise InputError(f"There is no model '{wanted}'; there are: {names}.")
