"""The brightest faces first."""

import numpy as np
from numpy.typing import NDArray

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.ranking import ranked

__all__ = ["HELP", "LABEL", "order"]

LABEL = "brightness"
HELP = "the brightest faces first"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the mean of V, the largest channel of a pixel, the largest first."""
    return ranked(faceset, _value, largest_first=True)


def _value(_face: AlignedFace, image: NDArray[np.uint8]) -> float:
    return float(image.max(-1).mean())
