"""What lies in the drop-in folders, told without loading any of it: for whom, how large, by which words it wakes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from figment.core.errors import CheckpointError
from figment.diffusion import embeddings, lora, sidecars
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.sidecars import Sidecar
from figment.studio.drop_in import Dropped, What, dropped

__all__ = ["Item", "shelf"]


@dataclass(frozen=True)
class Item:
    """One file, or a folder that diffusers wrote."""

    name: str
    path: Path
    what: str
    """What it is: "model", "LoRA", "VAE", "embedding", "upscaler" or "wildcard list"."""
    base: str
    """The models it is for, as its tensors tell; empty where they do not."""
    size: int
    """Bytes."""
    sidecar: Sidecar
    fault: str = ""
    """Why it cannot be used."""


def shelf(root: Path = Path()) -> Iterator[Item]:
    """Everything in the drop-in folders of `root`."""
    for what in What:
        for one in dropped(what, root):
            base, fault = _examined(what, one)
            yield Item(one.name, one.path, what.called, base, _size(one.path), sidecars.read(one.path), fault)


def _examined(what: What, one: Dropped) -> tuple[str, str]:
    look = LOOKS.get(what)
    if look is None:
        return "", ""
    try:
        return look(one.path), ""
    except CheckpointError as error:
        return "", str(error)


def _checkpoint(path: Path) -> str:
    kind = open_checkpoint(path).kind
    return f"{kind.base}{', inpainting' if kind.inpainting else ''}{', v' if kind.prediction == 'v' else ''}"


LOOKS: dict[What, Callable[[Path], str]] = {
    What.CHECKPOINT: _checkpoint,
    What.LORA: lambda path: str(lora.read(path).base or ""),
    What.EMBEDDING: lambda path: str(embeddings.read(path).base or ""),
}


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
