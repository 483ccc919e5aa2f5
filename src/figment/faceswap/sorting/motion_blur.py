"""The faces least smeared by motion first, by how strongly their light bends over several pixels."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting import hull
from figment.faceswap.sorting.ranking import ranked

__all__ = ["HELP", "LABEL", "laplacian", "order"]

LABEL = "motion blur"
HELP = "the faces least smeared by motion first"


def _binomial(order: int) -> NDArray[np.float64]:
    row = np.ones(1)
    for _ in range(order):
        row = np.convolve(row, [0.5, 0.5])
    return row


# Both 11 pixels wide; wider than noise and than the blocks of a JPEG file.
_SMOOTH = _binomial(10)
_BEND = np.convolve(_binomial(8), [1, -2, 1])


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the variance of the Laplacian, 11 pixels wide, inside the hull of the points, the largest first."""
    return ranked(faceset, _variance, largest_first=True)


def _variance(face: AlignedFace, image: NDArray[np.uint8]) -> float:
    return float(laplacian(hull.grey(image))[hull.inside(face)].var())


def laplacian(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second derivatives of (H, W) along both axes, summed, each smoothed along the other."""
    across = correlate1d(correlate1d(light, _BEND, axis=1), _SMOOTH, axis=0)
    down = correlate1d(correlate1d(light, _BEND, axis=0), _SMOOTH, axis=1)
    both: NDArray[np.float64] = across + down
    return both
