"""Data addressed by number: example 7 of a seeded order is always the same, so that a run resumes exactly."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from figment.core.errors import DataError

__all__ = ["Batch", "Dataset", "Source", "order"]


@dataclass(frozen=True)
class Source:
    """Where data came from. Written into every checkpoint that was trained on it."""

    name: str
    version: str
    licence: str
    """SPDX identifier, such as "Apache-2.0"."""
    count: int
    """Examples taken from this source."""
    url: str = ""
    """Home page of the source, for attribution; never fetched."""


@dataclass(frozen=True)
class Batch:
    """Examples side by side. A field that a data set does not have is None."""

    images: Tensor | None = None
    """(B, C, H, W) float32 in [-1, 1]."""
    texts: tuple[str, ...] | None = None
    """B captions."""
    labels: Tensor | None = None
    """(B,) int64 class numbers."""
    vectors: Tensor | None = None
    """(B, D) float32 targets, such as a teacher's sentence embeddings."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch with its tensors on `device`."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        return Batch(move(self.images), self.texts, move(self.labels), move(self.vectors))


class Dataset(ABC):
    """Examples addressed by number, in an order that depends on nothing but the seed."""

    name: str
    """How the user asks for it, such as "sprites" or "folder:photos"."""
    image_shape: tuple[int, int, int] | None
    """(C, H, W) of every image, or None for data without images."""
    classes: tuple[str, ...] = ()
    """Names of the class labels; empty when there are none."""
    sources: tuple[Source, ...] = ()
    """Lineage and licences."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of distinct examples; endless sets give the length of what they call an epoch."""

    @abstractmethod
    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        """Batch number `index` of `size` examples in the order that `seed` gives. Never ends: epochs follow on."""


def order(length: int, index: int, size: int, seed: int) -> list[int]:
    """Example numbers of batch `index`: a fresh seeded permutation of `length` for every epoch.

    Raises DataError when there is nothing to draw from.
    """
    if length < 1:
        raise DataError("The data set is empty; at least one example is needed.")
    numbers: list[int] = []
    start = index * size
    while len(numbers) < size:
        epoch, offset = divmod(start + len(numbers), length)
        permutation = np.random.default_rng((seed, epoch)).permutation(length)
        numbers.extend(int(n) for n in permutation[offset : offset + size - len(numbers)])
    return numbers
