"""The sharpest faces first, by how much they lose when they are blurred."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting import hull
from figment.faceswap.sorting.ranking import ranked

__all__ = ["HELP", "LABEL", "order", "sharpness"]

LABEL = "blur"
HELP = "the sharpest faces first"
WIDTH = 11
"""Width of the blur in pixels that a face is held against."""


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By `sharpness`, the largest first."""
    return ranked(faceset, sharpness, largest_first=True)


def sharpness(face: AlignedFace, image: NDArray[np.uint8]) -> float:
    """From 0 (a blur more changes nothing) to 1, inside the hull of the points and whatever the contrast.

    One minus the blur of Crete et al. 2007, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric": the share of the steps between neighbours that outlasts a blur, the worse of both axes.
    """
    light, within = hull.grey(image), hull.inside(face)
    return 1 - max(_outlasting(light, within), _outlasting(light.T, within.T))


def _outlasting(light: NDArray[np.float64], within: NDArray[np.bool_]) -> float:
    """Share, 0 to 1, of the steps down the columns that are left in the blurred picture."""
    steps = np.abs(np.diff(light, axis=0))
    blurred = np.abs(np.diff(uniform_filter1d(light, WIDTH, axis=0), axis=0))
    both = within[1:] & within[:-1]
    whole = float(steps[both].sum())
    return 1 - float(np.maximum(steps - blurred, 0)[both].sum()) / whole if whole > 0 else 1.0
