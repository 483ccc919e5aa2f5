"""Where a face looks, told by where its nose lies between eyes and mouth."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["pitch", "yaw"]

DEPTH = 0.9
"""How far the tip of the nose stands before the outer corners of the eyes, in halves of their distance."""
HEIGHT = 1.4
"""How far the mouth lies under the eyes, in the same measure."""
NOSE = 0.57
"""Where the tip of the nose of a level face lies on the way from the eyes to the mouth."""


def yaw(landmarks: NDArray[np.float32]) -> float:
    """How far the face of `landmarks` (68, 2) looks to the right of the picture, in radians; seen from afar.

    The tip of the nose is off the middle by depth * sin(yaw), an outer corner of an eye by cos(yaw).
    """
    nose, eyes, _ = _upright(landmarks)
    return float(np.arctan2(nose[0] / DEPTH, eyes))


def pitch(landmarks: NDArray[np.float32]) -> float:
    """How far the face of `landmarks` (68, 2) looks up, in radians; seen from afar.

    Looking up lifts the tip of the nose by depth * sin(pitch), and brings eyes and mouth together by cos(pitch).
    """
    nose, _, mouth = _upright(landmarks)
    return float(np.arctan2(NOSE * mouth - nose[1], mouth * DEPTH / HEIGHT))


def _upright(landmarks: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, float]:
    """Tip of the nose (x, y), half the distance of the eyes, and the height of the mouth, the face turned upright.

    Measured from the middle between the eyes; y points down.
    """
    points = landmarks.astype(np.float64)
    middle = (points[36] + points[45]) / 2
    across = (points[45] - points[36]) / 2
    half = max(float(np.hypot(*across)), 1e-6)
    axes = np.array([across, [-across[1], across[0]]]) / half
    nose = axes @ (points[30] - middle)
    mouth = axes @ ((points[48] + points[54]) / 2 - middle)
    return nose, half, max(float(mouth[1]), 1e-6)
