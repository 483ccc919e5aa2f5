"""Landmarks smoothed along a track without lag: where a face lies, and how it is formed, each at its own pace.

A face moves faster than it changes its form, so the similarity that lays a mean face on the landmarks is followed by a
parabola, and what the points differ from it in the face's own square by a line: local regression whose weights fall to
nothing on both sides, which looks as far ahead as back and therefore shifts nothing in time (Cleveland 1979). A blink
is over in fewer frames than that: eyes follow only those frames in which they are about as far open, as a bilateral
filter does (Tomasi & Manduchi 1998).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.affine import backward, moved, similarity
from figment.faceswap.align import EYES, MEAN, USED, eye_opening

__all__ = ["smoothed"]

REACH = 6
"""Frames before and after one from which on nothing has a say in it."""
POSE, FORM = 2, 1
"""Degree of the polynomials laid through them: of the place of a face, and of its form."""
ALIKE = 0.06
"""Deviation of an eye's opening within which frames have a say in it; open ones have some 0.3, closed ones 0.1."""
LEAST = 1e-3
"""What is left of the say of a frame in which an eye is open otherwise, so that there is always a line."""
Numbers = NDArray[np.float64]


def smoothed(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 68, 2) of `landmarks` (T, 68, 2), which follow each other frame by frame without a gap.

    Fewer than three are as they were.
    """
    if len(landmarks) < 3:
        return landmarks
    places = np.stack([similarity(MEAN, points[USED]) for points in landmarks])
    forms = np.stack([moved(points, backward(place)) for points, place in zip(landmarks, places, strict=True)])
    calm = _calmed(forms, FORM)
    for eye in EYES:
        calm[:, eye] = _calmed(forms[:, eye], FORM, _openings(forms[:, eye]))
    pairs = zip(calm, _calmed(places, POSE), strict=True)
    return np.stack([moved(points, place) for points, place in pairs]).astype(np.float32)


def _openings(eyes: Numbers) -> Numbers:
    """(T,): how far an eye (T, 6, 2) is open, without what one frame alone says."""
    raw = np.array([eye_opening(eye) for eye in eyes])
    middle: Numbers = np.median([raw[:-2], raw[1:-1], raw[2:]], axis=0)
    return np.concatenate([raw[:1], middle, raw[-1:]])


def _calmed(values: Numbers, degree: int, signs: Numbers | None = None) -> Numbers:
    """Values (T, ...) with each replaced by the polynomial through those around it whose `signs` (T,) are alike."""
    count = len(values)
    calm = np.empty_like(values)
    for frame in range(count):
        before, after = min(frame, REACH - 1), min(count - 1 - frame, REACH - 1)
        there = slice(frame - before, frame + after + 1)
        if signs is None:
            weights = _weights(before, after, degree)
        else:
            alike = np.exp(-np.square((signs[there] - signs[frame]) / ALIKE) / 2)
            weights = _fitted(before, after, degree, alike.clip(LEAST))
        calm[frame] = np.tensordot(weights, values[there], 1)
    return calm


@lru_cache
def _weights(before: int, after: int, degree: int) -> Numbers:
    """`_fitted` with every frame trusted by its distance in time alone."""
    return _fitted(before, after, degree, np.ones(before + 1 + after))


def _fitted(before: int, after: int, degree: int, trust: Numbers) -> Numbers:
    """(before + 1 + after,): what each frame around one has to say in the value of the polynomial there."""
    away = np.arange(-before, after + 1)
    powers = away[:, None].astype(np.float64) ** np.arange(degree + 1)
    weighted = powers * (trust * np.cos(np.pi * away / (2 * REACH)) ** 2)[:, None]
    fitted: Numbers = np.linalg.solve(powers.T @ weighted, weighted.T)[0]
    return fitted
