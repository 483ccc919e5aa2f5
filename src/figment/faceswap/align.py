"""Faces turned upright: where a face lies in the frame, how much of it is shown, where it looks and what it covers.

Points are (x, y), the middle of the first pixel being (0, 0); landmarks are the 68 of dlib.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull, QhullError

from figment.faceswap.affine import backward, moved, similarity
from figment.faceswap.faces import FaceType
from figment.faceswap.lanczos import warped

__all__ = [
    "EYES", "FaceType", "Openings", "Pose", "eye_opening", "hull_mask", "matrix", "openings", "pose", "unwarped",
    "warped",
]  # fmt: skip

Points = NDArray[np.floating[Any]]
"""(N, 2)."""

USED = [*range(17, 49), 54]
"""Points that a face is laid by: brows, nose, eyes and the corners of the mouth. The jaw is seen too badly."""
# Where a mean face has them (dlib's face chips), from the outer ends of the brows to under the mouth.
_MEAN_X = [0.000213256, 0.0752622, 0.18113, 0.29077, 0.393397, 0.586856, 0.689483, 0.799124, 0.904991, 0.98004]
_MEAN_X += [0.490127, 0.490127, 0.490127, 0.490127, 0.36688, 0.426036, 0.490127, 0.554217, 0.613373, 0.121737]
_MEAN_X += [0.187122, 0.265825, 0.334606, 0.260918, 0.182743, 0.645647, 0.714428, 0.793132, 0.858516, 0.79751]
_MEAN_X += [0.719335, 0.254149, 0.726104]
_MEAN_Y = [0.106454, 0.038915, 0.0187482, 0.0344891, 0.0773906, 0.0773906, 0.0344891, 0.0187482, 0.038915, 0.106454]
_MEAN_Y += [0.203352, 0.307009, 0.409805, 0.515625, 0.587326, 0.609345, 0.628106, 0.609345, 0.587326, 0.216423]
_MEAN_Y += [0.178758, 0.179852, 0.231733, 0.245099, 0.244077, 0.231733, 0.179852, 0.178758, 0.216423, 0.244077]
_MEAN_Y += [0.245099, 0.780233, 0.780233]
MEAN = np.stack([_MEAN_X, _MEAN_Y], 1)
"""(33, 2): the points USED of a mean face, in the square that the type "half" shows, which is 1 wide."""

EYES = (slice(36, 42), slice(42, 48))
"""Points of each eye: from the corner at the left of the picture along the upper lid, and back along the lower."""
DEPTH = 0.9
"""How far the tip of the nose stands before the outer corners of the eyes, in halves of their distance."""
HEIGHT = 1.4
"""How far the mouth lies under the eyes, in the same measure."""
NOSE = 0.57
"""Where the tip of the nose of a level face lies on the way from the eyes to the mouth."""
FINER = 4
"""How much larger a hull is drawn than wanted, for a smooth edge."""


class Pose(NamedTuple):
    """Where a face looks, in radians, seen from afar."""

    yaw: float
    """To the right of the picture."""
    pitch: float
    """Up."""
    roll: float
    """How far it is turned clockwise in the picture."""


class Openings(NamedTuple):
    """How far apart lids and lips are."""

    eyes: float
    """Mean of both eyes' `eye_opening`."""
    mouth: float
    """Mean distance of the lips' inner edges, by the width of an eye."""


def matrix(landmarks: Points, size: int, face_type: FaceType) -> NDArray[np.float64]:
    """(2, 3): takes pixels of the frame to those of a picture of the face, `size` wide, by `landmarks` (68, 2).

    As DeepFaceLab lays faces: the least squares of 33 points, the square widened by the face type's padding and
    raised; for heads it is also moved to the side of the back of the head.
    """
    upright = similarity(landmarks[USED], MEAN)
    aside = _aside(moved(landmarks, upright)) if face_type is FaceType.HEAD else 0.0
    half = 0.5 + face_type.padding * np.sqrt(2)
    scale = size / (2 * half)
    corner = np.array([0.5 + aside - half, 0.5 - face_type.raised - half])
    shift = scale * (upright[:, 2] - corner) - 0.5
    return np.concatenate([scale * upright[:, :2], shift[:, None]], 1)


def _aside(points: Points) -> float:
    """How far the back of the head lies to the right, told by how far both edges of the face are from the nose."""
    nose = points[27:30, 0]
    lean = float(((points[[16, 15, 14], 0] - nose) - (nose - points[:3, 0])).mean())
    return lean * abs(float(np.tanh(2 * lean))) / 2


def unwarped(points: Points, matrix: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(N, 2) in pixels of the frame, of points in those of a face that `matrix` (2, 3) leads to."""
    return moved(points, backward(np.asarray(matrix, np.float64))).astype(np.float32)


def hull_mask(landmarks: Points, size: int) -> NDArray[np.float32]:
    """(size, size): 1 in the hull of `landmarks` (68, 2), in pixels of the square; 0 outside, between on the edge.

    Points that span no area have no hull.
    """
    picture = Image.new("L", (size * FINER, size * FINER))
    try:
        outline = landmarks[ConvexHull(landmarks).vertices]
    except (QhullError, ValueError):
        return np.zeros((size, size), np.float32)
    places = (outline + 0.5) * FINER - 0.5
    ImageDraw.Draw(picture).polygon([(float(x), float(y)) for x, y in places], fill=255)
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX), np.float32) / np.float32(255)


def pose(landmarks: Points) -> Pose:
    """Where the face of `landmarks` (68, 2) looks, told by where its nose lies between eyes and mouth.

    The tip of the nose is off the middle by depth * sin(yaw), an outer corner of an eye by cos(yaw). Looking up lifts
    the tip by depth * sin(pitch), and brings eyes and mouth together by cos(pitch).
    """
    points = landmarks.astype(np.float64)
    across = (points[45] - points[36]) / 2
    half = max(float(np.hypot(*across)), 1e-6)
    axes = np.array([across, [-across[1], across[0]]]) / half  # the face turned upright, y pointing down
    middle = (points[36] + points[45]) / 2
    nose = axes @ (points[30] - middle)
    mouth = max(float((axes @ ((points[48] + points[54]) / 2 - middle))[1]), 1e-6)
    yaw = np.arctan2(nose[0] / DEPTH, half)
    pitch = np.arctan2(NOSE * mouth - nose[1], mouth * DEPTH / HEIGHT)
    return Pose(float(yaw), float(pitch), float(np.arctan2(across[1], across[0])))


def openings(landmarks: Points) -> Openings:
    """How far the face of `landmarks` (68, 2) opens its eyes and its mouth."""
    points = landmarks.astype(np.float64)
    wide = max((_apart(points, 36, 39) + _apart(points, 42, 45)) / 2, 1e-6)
    lips = (_apart(points, 61, 67) + _apart(points, 62, 66) + _apart(points, 63, 65)) / 3
    return Openings(sum(eye_opening(points[eye]) for eye in EYES) / 2, lips / wide)


def eye_opening(eye: Points) -> float:
    """Mean distance of the lids of an eye (6, 2) by its width (Soukupova & Cech 2016, eq. 1); some 0.3 when open."""
    points = eye.astype(np.float64)
    return (_apart(points, 1, 5) + _apart(points, 2, 4)) / 2 / max(_apart(points, 0, 3), 1e-6)


def _apart(points: Points, one: int, other: int) -> float:
    return float(np.hypot(*(points[one] - points[other])))
