"""Faces that tests make: a drawn picture with points whose pose is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faceset import AlignedFace, Faceset

SIZE = 48

# 68 points of an upright face seen from the front, in the unit square: jaw, brows, nose, eyes, mouth.
_JAW = [(0.5 - 0.42 * np.cos(t), 0.35 + 0.6 * np.sin(t)) for t in np.linspace(0, np.pi, 17)]
_BROWS = [(x, 0.25) for x in (*np.linspace(0.15, 0.42, 5), *np.linspace(0.58, 0.85, 5))]
_NOSE = [(0.5, y) for y in np.linspace(0.35, 0.55, 4)] + [(x, 0.6) for x in np.linspace(0.42, 0.58, 5)]
_RING = [(-1, 0), (-0.4, -0.6), (0.4, -0.6), (1, 0), (0.4, 0.6), (-0.4, 0.6)]
_EYES = [(centre + 0.08 * x, 0.36 + 0.05 * y) for centre in (0.3, 0.7) for x, y in _RING]
_LIPS = [(0.5 - 0.15 * np.cos(t), 0.77 - 0.05 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 13)[:12]]
_INNER = [(0.5 - 0.1 * np.cos(t), 0.77 - 0.02 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 9)[:8]]
POINTS = np.array(_JAW + _BROWS + _NOSE + _EYES + _LIPS + _INNER, np.float32)


def face(name: str, **values: Any) -> AlignedFace:
    """A face called `name`, by default seen from the front in a frame of 640x480."""
    landmarks = values.pop("landmarks", POINTS * SIZE)
    matrix = np.array([[0.5, 0, -10], [0, 0.5, -20]], np.float32)
    source = (landmarks - matrix[:, 2]) / 0.5
    made: dict[str, Any] = {
        "source": "data_src.mp4",
        "frame": 0,
        "index": 0,
        "face_type": "full",
        "size": SIZE,
        "landmarks": landmarks,
        "source_landmarks": source.astype(np.float32),
        "matrix": matrix,
        "source_size": (640, 480),
        "box": np.array([20, 40, 116, 136], np.float32),
    }
    return AlignedFace(name=name, **{**made, **values})


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """Noise, (SIZE, SIZE, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def names(faceset: Faceset, dropped: bool = False) -> list[str]:
    """Names of the faces in their order."""
    return [face.name for face in faceset.faces(dropped)]


def turned(degrees_yaw: float, degrees_pitch: float) -> NDArray[np.float32]:
    """Points of a face that looks to the right and up by so much, seen from afar."""
    around, nod = np.radians([degrees_yaw, degrees_pitch])
    solid = np.zeros((68, 3))
    solid[[36, 45], :2] = [(-1, 0), (1, 0)]
    solid[[48, 54], :2] = [(-0.6, 1.4), (0.6, 1.4)]
    solid[30] = 0, 0.57 * 1.4, 0.9
    x = solid[:, 0] * np.cos(around) + solid[:, 2] * np.sin(around)
    z = solid[:, 2] * np.cos(around) - solid[:, 0] * np.sin(around)
    y = solid[:, 1] * np.cos(nod) - z * np.sin(nod)
    return (np.stack([x, y], 1) * 8 + 24).astype(np.float32)
