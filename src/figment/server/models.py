"""Models as foreign programs call them, and what can be known of them without loading a tensor library."""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from figment.core.errors import InputError
from figment.diffusion.fingerprints import fingerprint
from figment.studio.drop_in import Dropped, What, dropped
from figment.studio.drop_in import find as dropped_in
from figment.studio.library import DEFAULT, Entry, entries

__all__ = ["Model", "default", "find", "models"]


@dataclass(frozen=True)
class Model:
    """A model that makes pictures."""

    name: str
    """By which jobs call it."""
    path: Path
    side: int | None
    """Pixels a side of the pictures that a model of Figment's own was trained on; None for Stable Diffusion."""

    @property
    def own(self) -> bool:
        """Whether it is Figment's own, which takes a prompt, steps, guidance and a start picture, and no sampler."""
        return self.side is not None

    @property
    def sha256(self) -> str:
        return fingerprint(self.path)

    @property
    def title(self) -> str:
        """As AUTOMATIC1111 writes it: file and the first ten digits of its hash."""
        return f"{self.name}{self.path.suffix} [{self.sha256[:10]}]"

    def size(self, width: int, height: int) -> str | None:
        """WIDTHxHEIGHT as near as the model can make it; None, for its own size, where that is far off."""
        if self.side is None:
            return f"{width}x{height}"
        fits = all(self.side // 2 <= pixels <= self.side * 2 and pixels % 16 == 0 for pixels in (width, height))
        return f"{width}x{height}" if fits else None


def models(root: Path) -> list[Model]:
    """All of them: checkpoints, then Figment's own that make pictures from sentences."""
    own = [Model(entry.name, entry.path, side) for entry in entries(root) if (side := _side(entry))]
    return [*(_checkpoint(one) for one in dropped(What.CHECKPOINT, root)), *own]


def default(root: Path) -> Model:
    """The one taken where none is named: the first checkpoint, or else the one that ships with Figment."""
    known = models(root)
    first = [one for one in known if not one.own] + [one for one in known if one.name == DEFAULT] + known
    if not first:
        raise InputError("There is no model that makes pictures; drop a checkpoint into models/Stable-diffusion.")
    return first[0]


def find(name: str, root: Path) -> Model:
    """The model that `name` means: a name, a file's name, a title, or a hash. Raises InputError."""
    bare = name.partition(" [")[0].removesuffix(".safetensors")
    known = models(root)
    for one in known:
        if bare == one.name:
            return one
    try:
        return _checkpoint(dropped_in(What.CHECKPOINT, name, root))
    except InputError:
        if len(name) >= 8 and (hit := [one for one in known if one.sha256.startswith(name.lower())]):
            return hit[0]
    listed = ", ".join(one.name for one in known)
    raise InputError(f"model: there is no {name[:80]!a}; there are: {listed}.")


def _checkpoint(one: Dropped) -> Model:
    return Model(one.name, one.path, None)


def _side(entry: Entry) -> int | None:
    """Pixels a side, as the file says, of a family that draws from sentences; None for others."""
    try:
        with safe_open(entry.path, framework="numpy") as file:
            said = json.loads((file.metadata() or {}).get("figment", "{}"))
        return int(said["config"]["image_size"]) if said["family"] == "latent_diffusion" else None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None  # a model that cannot be read is not offered here
