"""Faces by the hue of their colours, from red over green to blue."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.ranking import ranked

__all__ = ["HELP", "LABEL", "order"]

LABEL = "hue"
HELP = "from red over green to blue"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the hue of the mean colour, which, unlike the mean of hues, does not tear red apart at its two ends."""
    return ranked(faceset, _hue, largest_first=False)


def _hue(_face: AlignedFace, image: NDArray[np.uint8]) -> float:
    """From 0 (purple red, -60 degrees) over 1/6 (red) to 1."""
    red, green, blue = image.reshape(-1, 3).mean(0) / 255
    return (colorsys.rgb_to_hsv(red, green, blue)[0] + 1 / 6) % 1
