"""How far faces are apart pixel by pixel."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faceset import AlignedFace
from figment.faceswap.sorting.ranking import Distances
from figment.pixels.resizing import resize

__all__ = ["distances", "small"]

SIDE = 32
"""Faces are compared at this width: enough for pose and light, and a thousand take a second."""


def small(_face: AlignedFace, image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """`image` shrunk, (SIDE * SIDE * 3,)."""
    return resize(image, (SIDE, SIDE), "stretch").astype(np.int16).ravel()


def distances(pictures: list[NDArray[np.int16]]) -> Distances:
    """Mean absolute differences, 0 to 255."""
    table = np.stack(pictures) if pictures else np.zeros((0, 1), np.int16)

    def of(number: int) -> NDArray[np.float32]:
        away: NDArray[np.float32] = np.abs(table - table[number]).mean(1, dtype=np.float32)
        return away

    return of
