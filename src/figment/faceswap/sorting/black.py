"""The faces with the fewest black pixels first: those cut off by the frame's edge gather at the end."""

import numpy as np
from numpy.typing import NDArray

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.ranking import ranked

__all__ = ["HELP", "LABEL", "order"]

LABEL = "black"
HELP = "the faces with the fewest black pixels first"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the number of pixels that are 0 in all channels."""
    return ranked(faceset, _black, largest_first=False)


def _black(_face: AlignedFace, image: NDArray[np.uint8]) -> float:
    return float((image.max(-1) == 0).sum())
