"""Landmarks smoothed along a track without lag: where a face lies, and how it is formed, each at its own pace.

A face moves faster than it changes its form, so the similarity that lays a mean face on the landmarks is smoothed
lightly, and what the points differ from it in the face's own square more strongly: Savitzky-Golay filters, which look
as far ahead as back and therefore shift nothing in time (Savitzky & Golay 1964).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from figment.faceswap.affine import backward, moved, similarity
from figment.faceswap.align import MEAN, USED

__all__ = ["smoothed"]

WINDOW = 9
"""Frames that have a say in one."""
POSE, FORM = 2, 1
"""Degree of the polynomials laid through them: of the place of a face, and of its form."""


def smoothed(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 68, 2) of `landmarks` (T, 68, 2), which follow each other frame by frame without a gap.

    Fewer than three are as they were.
    """
    window = min(WINDOW, len(landmarks) - 1 + len(landmarks) % 2)
    if window < 3:
        return landmarks
    places = np.stack([similarity(MEAN, points[USED]) for points in landmarks])
    forms = np.stack([moved(points, backward(place)) for points, place in zip(landmarks, places, strict=True)])
    calm_places = savgol_filter(places, window, min(POSE, window - 1), axis=0)
    calm_forms = savgol_filter(forms, window, FORM, axis=0)
    pairs = zip(calm_forms, calm_places, strict=True)
    return np.stack([moved(points, place) for points, place in pairs]).astype(np.float32)
