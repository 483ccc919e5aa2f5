"""Data sets by the names under which a user asks for them."""

from pathlib import Path

from figment.core.dataset import Dataset
from figment.core.errors import InputError
from figment.data.arrays import ArrayDataset
from figment.data.folder import FolderDataset
from figment.data.idx import open_idx
from figment.data.npz import open_npz
from figment.data.packaged import PACKAGED, open_packaged
from figment.data.splits import Split

__all__ = ["DATASETS", "open_dataset"]

COMPOSED = ("sprites", "sprites:heldout", "scenes", "scenes:heldout")
DATASETS = (*PACKAGED, "factors", *COMPOSED, "words", "folder:PATH", "idx:PATH", "npz:PATH", "binary:NAME")
"""Every name that `open_dataset` takes."""

MAX_SIZE = 2048


def open_dataset(
    name: str, image_size: int | None = None, *, split: Split = "train", captions: bool = False
) -> Dataset:
    """The data set `name`, one of `DATASETS`, with square pictures of `image_size` pixels or the set's own size.

    `captions` demands a caption for every picture. Held-out sprites and scenes are the split "test" of theirs.
    Raises InputError for an unknown name, a size that cannot be or a set without captions where they are needed,
    DataError when the data is missing or broken.
    """
    if image_size is not None and not 1 <= image_size <= MAX_SIZE:
        raise InputError(f"Pictures of a data set cannot be {image_size} pixels wide; it must be 1 to {MAX_SIZE}.")
    kind, _, detail = name.partition(":")
    if captions and kind in (*PACKAGED, "idx", "npz", "binary"):
        raise InputError(f"{name} has no captions; sprites, scenes and folder:PATH can have them.")
    match kind, detail:
        case "sprites" | "scenes", "" | "heldout":
            return _open_composed(kind, image_size, held_out=bool(detail) or split == "test")
        case "factors", "":
            from figment.data.factors import Factors

            return Factors(image_size or 64, held_out=split == "test")
        case "words", "":
            from figment.data.words import open_words

            return open_words()
        case "binary", inner if inner:
            return _open_binary(inner, image_size, split)
        case "folder", path if path:
            return FolderDataset(Path(path).expanduser(), image_size, split=split, captions=captions)
        case "idx", path if path:
            return open_idx(Path(path).expanduser(), image_size, split)
        case "npz", path if path:
            return open_npz(Path(path).expanduser(), image_size, split)
    if name in PACKAGED:
        return open_packaged(name, image_size, split)
    raise InputError(f"No data set {name!r}; there are: {', '.join(DATASETS)}.")


def _open_binary(name: str, image_size: int | None, split: Split) -> Dataset:
    """Pictures in memory, in black and white. They keep their size: resampled ones would be grey again."""
    dataset = open_dataset(name, split=split)
    if not isinstance(dataset, ArrayDataset):
        raise InputError(f"{name} cannot be made black and white; {', '.join(PACKAGED)}, idx:PATH and npz:PATH can.")
    _, height, width = dataset.image_shape
    if image_size not in (None, height) or height != width:
        raise InputError(f"Black and white pictures keep their size: {width}x{height}, not {image_size} pixels.")
    return dataset.binarised()


def _open_composed(kind: str, image_size: int | None, *, held_out: bool) -> Dataset:
    from figment.data.sprite_sets import open_scenes, open_sprites  # a photo folder needs none of their code

    opened = open_sprites if kind == "sprites" else open_scenes
    return opened(held_out=held_out) if image_size is None else opened(image_size=image_size, held_out=held_out)
