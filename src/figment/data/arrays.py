"""Labelled pictures that fit into memory."""

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.dataset import Batch, Dataset, Source, order
from figment.core.errors import DataError
from figment.pixels.arrays import to_signed
from figment.pixels.resizing import resize

__all__ = ["ArrayDataset", "Labelled"]

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64] | None]
"""Images (N, H, W) or (N, H, W, C) from 0 to 255, and their class numbers (N,), if any."""

MAX_CLASSES = 10_000


class ArrayDataset(Dataset):
    """Images in memory, resampled to one size as they are drawn."""

    image_shape: tuple[int, int, int]

    def __init__(self, name: str, examples: Labelled, source: Source, image_size: int | None = None) -> None:
        """Pictures keep their size without `image_size`. Raises DataError when they do not fit their labels."""
        images, labels = examples
        _check(name, images, labels)
        self.name = name
        self.sources = (source,)
        self._images = images if images.ndim == 4 else images[..., None]
        self._labels = labels
        height, width, channels = self._images.shape[1:]
        self._size = (image_size or height, image_size or width)
        self.image_shape = (channels, *self._size)
        if labels is not None:
            self.classes = tuple(str(number) for number in range(int(labels.max()) + 1))

    def binarised(self, seed: int = 0) -> "ArrayDataset":
        """The same pictures in black and white: each pixel drawn once, white as often as it is bright.

        This is how likelihoods of MNIST are compared (Salakhutdinov & Murray 2008). A seed draws the same ones always.
        """
        rng = np.random.default_rng(seed)
        drawn = np.empty_like(self._images)
        for number, image in enumerate(self._images):  # all at once would take eight times the memory
            drawn[number] = np.where(rng.random(image.shape) * 255 < image, 255, 0)
        return ArrayDataset(f"binary:{self.name}", (drawn, self._labels), self.sources[0])

    def __len__(self) -> int:
        """Number of images."""
        return len(self._images)

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        """Batch number `index`: images, and labels when the set has them."""
        numbers = order(len(self), index, size, seed)
        images = np.stack([to_signed(self._sized(self._images[number])) for number in numbers])
        labels = None if self._labels is None else torch.from_numpy(self._labels[numbers])
        return Batch(torch.from_numpy(images), labels=labels)

    def _sized(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image if image.shape[:2] == self._size else resize(image, self._size)


def _check(name: str, images: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> None:
    if images.ndim not in (3, 4) or 0 in images.shape or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        shape = "x".join(map(str, images.shape))
        raise DataError(f"The images of {name} have shape {shape}; it must be (N, H, W) or (N, H, W, 1 or 3).")
    if labels is None:
        return
    if labels.shape != (len(images),):
        raise DataError(f"{name} has {len(images)} images but {labels.size} labels; there must be one for each.")
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        raise DataError(f"The labels of {name} must be numbers from 0 to {MAX_CLASSES - 1}.")
