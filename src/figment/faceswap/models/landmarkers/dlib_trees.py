"""dlib's 68 points: a cascade of regression trees.

Kazemi & Sullivan 2014, "One millisecond face alignment with an ensemble of regression trees"; Sagonas et al. 2016 for
the points. Optional; see `figment.faceswap.models.dlib_files`. It expects faces that stand upright.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faces import Found
from figment.faceswap.models import dlib_files

__all__ = ["LABEL", "landmarks"]

LABEL = "dlib 68"
# Where the eyes stand in the boxes of its own detector, which it was trained with, as (x, y) in shares of the side.
_EYES = np.array([[0.294, 0.29], [0.706, 0.29]])


def landmarks(frame: NDArray[np.uint8], found: Sequence[Found]) -> NDArray[np.float32]:
    """(N, 68, 2) points of the N faces found in an (H, W, 3) frame."""
    predictor = dlib_files.points_of(68)
    shapes = [predictor(frame, _box(face)).parts() for face in found]
    points = [[(point.x, point.y) for point in shape] for shape in shapes]
    return np.array(points, np.float32).reshape(-1, 68, 2)


def _box(face: Found) -> object:
    """The box that dlib's detector would draw, by the eyes."""
    eyes = face.points[:2]
    side = float(np.linalg.norm(eyes[1] - eyes[0])) / (_EYES[1, 0] - _EYES[0, 0])
    left, top = eyes.mean(0) - _EYES.mean(0) * side
    return dlib_files.module().rectangle(*(round(float(edge)) for edge in (left, top, left + side, top + side)))
