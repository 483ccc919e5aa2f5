"""Images in a folder of the user's, with captions and class labels where there are some."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.dataset import Batch, Dataset, Source, order
from figment.core.errors import DataError
from figment.data.captions import read_captions
from figment.data.splits import Split
from figment.pixels.arrays import to_signed
from figment.pixels.errors import PixelError
from figment.pixels.files import SUFFIXES, load
from figment.pixels.resizing import resize

__all__ = ["FolderDataset"]

DEFAULT_SIZE = 64
CACHE_BYTES = 2**30
"""Decoded pictures kept in memory; beyond it they are read again each time."""


class FolderDataset(Dataset):
    """PNG, JPEG and WebP images at any depth, cut to a square around their middle.

    A folder with sub-folders "train" and "test" is divided by them; any other is for training only. The class is the
    first folder under that, when every image lies in one. An image without a caption among captioned ones has "".
    """

    def __init__(
        self, path: Path, image_size: int | None = None, *, split: Split = "train", captions: bool = False
    ) -> None:
        """`captions` demands one for every image. Raises DataError when images or captions are missing."""
        root = _root(path, split)
        self._images = _images(root)
        self._texts = _texts(root, self._images, captions)
        self.classes, self._labels = _classes(root, self._images)
        self.name = f"folder:{path}"
        side = image_size or DEFAULT_SIZE
        self._size = (side, side)
        self.image_shape = (3, side, side)
        self.sources = (Source(path.resolve().name, "", "NOASSERTION", len(self._images)),)
        self._cache: dict[int, NDArray[np.uint8]] = {}

    @property
    def captioned(self) -> bool:
        """Whether the batches have texts."""
        return self._texts is not None

    def __len__(self) -> int:
        """Number of images."""
        return len(self._images)

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        """Batch number `index`: images (B, 3, S, S), with texts and labels where the folder has them.

        Raises DataError naming an image that cannot be read.
        """
        numbers = order(len(self), index, size, seed)
        images = torch.from_numpy(np.stack([to_signed(self._image(number)) for number in numbers]))
        texts = None if self._texts is None else tuple(self._texts[number] for number in numbers)
        labels = torch.tensor([self._labels[number] for number in numbers]) if self.classes else None
        return Batch(images, texts, labels)

    def _image(self, number: int) -> NDArray[np.uint8]:
        cached = self._cache.get(number)
        if cached is not None:
            return cached
        try:
            image = resize(load(self._images[number]), self._size)
        except PixelError as error:
            raise DataError(str(error)) from error
        if len(self._cache) < CACHE_BYTES // image.size:
            self._cache[number] = image
        return image


def _root(path: Path, split: Split) -> Path:
    if not path.is_dir():
        raise DataError(f"There is no folder {path}.")
    divided = path / split
    if divided.is_dir():
        return divided
    if split == "test":
        raise DataError(f"{path} has nothing to test on; put some images into {divided} and the others into 'train'.")
    return path


def _images(root: Path) -> list[Path]:
    found = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file()]
    images = [path for path in found if not path.name.startswith(".")]
    if not images:
        raise DataError(f"{root} holds no images; it must hold some that end in {', '.join(SUFFIXES)}.")
    return images


def _texts(root: Path, images: list[Path], required: bool) -> list[str] | None:
    texts = read_captions(root, images)
    missing = [image for image, text in zip(images, texts, strict=True) if not text]
    if required and missing:
        raise DataError(
            f"{len(missing)} of {len(images)} images have no caption, the first is {missing[0]}; "
            "write it into a .txt file of the same name, or into metadata.jsonl."
        )
    return None if len(missing) == len(images) else [text or "" for text in texts]


def _classes(root: Path, images: list[Path]) -> tuple[tuple[str, ...], list[int]]:
    """Class names, and the class number of each image; both empty when an image lies outside of all classes."""
    parts = [image.relative_to(root).parts for image in images]
    if any(len(part) < 2 for part in parts):
        return (), []
    classes = tuple(sorted({part[0] for part in parts}))
    numbers = {name: number for number, name in enumerate(classes)}
    return classes, [numbers[part[0]] for part in parts]
