"""Landmarks smoothed along a track without lag: where a face lies, and how it is formed, each at its own pace.

A face moves faster than it changes its form, so the similarity that lays a mean face on the landmarks is followed by a
parabola, and what the points differ from it in the face's own square by a line: local regression whose weights fall to
nothing on both sides, which looks as far ahead as back and therefore shifts nothing in time (Cleveland 1979).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.affine import backward, moved, similarity
from figment.faceswap.align import MEAN, USED

__all__ = ["smoothed"]

REACH = 6
"""Frames before and after one from which on nothing has a say in it."""
POSE, FORM = 2, 1
"""Degree of the polynomials laid through them: of the place of a face, and of its form."""
Numbers = NDArray[np.float64]


def smoothed(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 68, 2) of `landmarks` (T, 68, 2), which follow each other frame by frame without a gap.

    Fewer than three are as they were.
    """
    if len(landmarks) < 3:
        return landmarks
    places = np.stack([similarity(MEAN, points[USED]) for points in landmarks])
    forms = np.stack([moved(points, backward(place)) for points, place in zip(landmarks, places, strict=True)])
    pairs = zip(_calmed(forms, FORM), _calmed(places, POSE), strict=True)
    return np.stack([moved(points, place) for points, place in pairs]).astype(np.float32)


def _calmed(values: Numbers, degree: int) -> Numbers:
    """Values (T, ...) with each replaced by the polynomial through those around it."""
    count = len(values)
    calm = np.empty_like(values)
    for frame in range(count):
        before, after = min(frame, REACH - 1), min(count - 1 - frame, REACH - 1)
        weights = _weights(before, after, degree)
        calm[frame] = np.tensordot(weights, values[frame - before : frame + after + 1], 1)
    return calm


@lru_cache
def _weights(before: int, after: int, degree: int) -> Numbers:
    """(before + 1 + after,): what each frame around one has to say in the value of the polynomial there."""
    away = np.arange(-before, after + 1)
    trust = np.cos(np.pi * away / (2 * REACH)) ** 2
    powers = away[:, None].astype(np.float64) ** np.arange(degree + 1)
    weighted = powers * trust[:, None]
    fitted: Numbers = np.linalg.solve(powers.T @ weighted, weighted.T)[0]
    return fitted
