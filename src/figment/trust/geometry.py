"""How a marked picture may have been resized and turned, and how that is undone."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.trust.activity import Plane

__all__ = ["HALVED", "UNTOUCHED", "Geometry", "centre", "undone"]

_LARGEST, _LARGEST_UNDONE = 1000, 500
"""Sides in pixels, eight and four tiles: as much of a picture as is looked at, and as is resampled for one geometry."""


@dataclass(frozen=True)
class Geometry:
    """What happened to a picture after it was marked."""

    scale: float
    """Its size relative to what it was: 0.5 was halved."""
    rotation: float
    """Degrees counterclockwise."""


UNTOUCHED, HALVED = Geometry(1.0, 0.0), Geometry(0.5, 0.0)


def centre(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of `image` (H, W, ...), as much as is needed: at most eight tiles high and wide."""
    top, left = (max(0, (side - _LARGEST) // 2) for side in image.shape[:2])
    return image[top : top + _LARGEST, left : left + _LARGEST]


def undone(plane: Plane, geometry: Geometry) -> Plane:
    """`plane` (H, W) as it would be without `geometry`, at most four tiles high and wide; 0 outside it."""
    if geometry == UNTOUCHED:
        return plane
    height, width = plane.shape
    rows, columns = (max(8, min(_LARGEST_UNDONE, round(side / geometry.scale))) for side in (height, width))
    across = geometry.scale * math.cos(math.radians(geometry.rotation))
    along = geometry.scale * math.sin(math.radians(geometry.rotation))
    left = width / 2 - across * columns / 2 - along * rows / 2
    top = height / 2 + along * columns / 2 - across * rows / 2
    matrix = (across, along, left, -along, across, top)
    turned = Image.fromarray(plane).transform(
        (columns, rows), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC
    )
    return np.asarray(turned)
