"""Embedders: who somebody is, as a direction in space. One file each, called by its file name.

A module exports

    LABEL                       how it is called
    SAME                        the cosine above which two faces are taken for one person's
    embed(frame, landmarks)     (N, D) float32 of length 1: the cosine of two says how alike two faces are

What counts as the same person differs by embedder.
"""

from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.models import registry

__all__ = ["DEFAULT", "INDEPENDENT", "Embedder", "find", "labels"]

DEFAULT = "ResNet 128"
INDEPENDENT = "MobileNet 1024"
"""Knows nothing of the default's training; for judging results that the default had a part in."""


class Embedder(Protocol):
    """What every module of this package is."""

    LABEL: str
    SAME: float

    @staticmethod
    def embed(frame: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) of the faces in an (H, W, 3) frame whose points are (N, 68, 2)."""


def labels() -> dict[str, str]:
    """Module name of each embedder by its label."""
    return registry.labels(__name__)


def find(label: str) -> Embedder:
    """The embedder called `label`. Raises InputError."""
    return cast(Embedder, registry.find(__name__, label))
