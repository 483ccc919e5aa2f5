"""Files that people drop into folders: checkpoints, LoRAs, autoencoders, embeddings, upscalers, wildcards.

The folders are those of AUTOMATIC1111 or of ComfyUI, in any letter case. A file is called by its name without ending,
by its path in the folder, or by its hash: "anything", "anime/anything", "anything [9aa0c3e54d]".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path

from figment.core.errors import InputError
from figment.diffusion.fingerprints import fingerprint

__all__ = ["Dropped", "What", "dropped", "find"]

PICKLED = (".ckpt", ".pt", ".pth", ".bin")


class What(Enum):
    """What a folder is for: how people call it, its names in lower letters, and the endings of its files."""

    CHECKPOINT = ("model", ("stable-diffusion", "checkpoints"), (".safetensors", ".ckpt"))
    LORA = ("LoRA", ("lora", "loras", "lycoris"), (".safetensors", *PICKLED))
    VAE = ("VAE", ("vae",), (".safetensors", *PICKLED))
    EMBEDDING = ("embedding", ("embeddings",), (".safetensors", *PICKLED))
    UPSCALER = ("upscaler", ("esrgan", "realesrgan", "upscale_models"), (".safetensors", *PICKLED))
    WILDCARDS = ("wildcard list", ("wildcards",), (".txt",))

    def __init__(self, called: str, folders: tuple[str, ...], endings: tuple[str, ...]) -> None:
        self.called, self.folders, self.endings = called, folders, endings


@dataclass(frozen=True)
class Dropped:
    """One file, or a folder that diffusers wrote."""

    name: str
    """Path in its folder, with "/", without ending."""
    path: Path

    @property
    def stem(self) -> str:
        return self.name.rpartition("/")[2]


def folders(what: What, root: Path = Path()) -> list[Path]:
    """The folders for `what` that are there, under models/ of `root`; embeddings may lie beside models/ as well."""
    places = [place for place in (root / "models", root / "Models") if place.is_dir()][:1]
    if what is What.EMBEDDING:
        places.append(root)
    return [
        folder
        for place in places
        for folder in sorted(place.iterdir())
        if folder.name.lower() in what.folders and folder.is_dir()
    ]


def dropped(what: What, root: Path = Path()) -> tuple[Dropped, ...]:
    """All of `what`, by name. Links that lead out of their folder are passed over."""
    found = [Dropped(_name(path, folder), path) for folder in folders(what, root) for path in _files(what, folder)]
    return tuple(sorted(found, key=lambda one: one.name.lower()))


def find(what: What, name: str, root: Path = Path()) -> Dropped:
    """The file that `name` means. Raises InputError where there is none or more than one, with what there is."""
    known = dropped(what, root)
    wanted, hash = _parts(name)
    hits = _called(wanted, known) if wanted else []
    if hash and len(hits) != 1:
        hits = [one for one in hits or known if fingerprint(one.path).startswith(hash)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        listed = ", ".join(str(one.path) for one in hits)
        raise InputError(f"More than one {what.called} is called '{name}': {listed}; name it with its folder.")
    raise InputError(f"There is no {what.called} '{name}'; {_nearest(what, wanted, known, root)}.")


def _files(what: What, folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if folder.resolve() not in path.resolve().parents:
            continue
        if path.is_file() and path.suffix.lower() in what.endings and not _within_parts(path, folder):
            yield path
        elif what is What.CHECKPOINT and path.name == "model_index.json":
            yield path.parent


def _within_parts(path: Path, folder: Path) -> bool:
    """Whether the file is a part of a model that diffusers wrote as a folder."""
    above = [parent for parent in path.parents if folder in parent.parents]
    return any((parent / "model_index.json").is_file() for parent in above)


def _name(path: Path, folder: Path) -> str:
    relative = path.relative_to(folder)
    return (relative if path.is_dir() else relative.with_suffix("")).as_posix()


def _parts(name: str) -> tuple[str, str]:
    """Name and hash of "name [hash]", "name" or "[hash]"."""
    match = re.fullmatch(r"(.*?)\s*(?:\[([0-9a-fA-F]{8,64})\])?", name.strip(), re.DOTALL)
    assert match is not None
    return match[1].replace("\\", "/"), (match[2] or "").lower()


def _called(wanted: str, known: tuple[Dropped, ...]) -> list[Dropped]:
    """Files of that very name; else those of it in other letters, without folder or with ending."""
    lowered = wanted.lower()
    for match in (
        lambda one: one.name == wanted,
        lambda one: one.name.lower() == lowered,
        lambda one: one.stem.lower() == lowered,
        lambda one: lowered in (one.path.name.lower(), f"{one.name}{one.path.suffix}".lower()),
    ):
        hits = [one for one in known if match(one)]
        if hits:
            return hits
    return []


def _nearest(what: What, wanted: str, known: tuple[Dropped, ...], root: Path) -> str:
    if not known:
        where = folders(what, root) or [root / "models" / what.folders[0]]
        return f"drop its file into {where[0]}"
    names = {one.stem.lower(): one.name for one in known}
    close = [names[near] for near in get_close_matches(wanted.lower(), names, n=3)]
    return f"did you mean {' or '.join(close)}?"[:-1] if close else f"there are: {', '.join(names.values())}"
