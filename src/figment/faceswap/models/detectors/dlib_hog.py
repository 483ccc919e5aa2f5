"""dlib's detector: histograms of gradients and linear classifiers for five poses; upright faces from 80 pixels.

Dalal & Triggs 2005; King 2015, "Max-margin object detection". Optional; see `figment.faceswap.models.dlib_files`.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faces import Found
from figment.faceswap.models import dlib_files

__all__ = ["LABEL", "detect"]

LABEL = "dlib HOG"


@cache
def _detector() -> Any:
    return dlib_files.module().get_frontal_face_detector()


def detect(frames: NDArray[np.uint8]) -> list[list[Found]]:
    """For each of (B, H, W, 3) frames, the faces in it, the surest first."""
    return [_in(frame) for frame in frames]


def _in(frame: NDArray[np.uint8]) -> list[Found]:
    boxes, scores, _ = _detector().run(frame, 0, 0.0)
    found = [_face(frame, box, score) for box, score in zip(boxes, scores, strict=True)]
    return sorted(found, key=lambda face: -face.score)


def _face(frame: NDArray[np.uint8], box: Any, score: float) -> Found:
    """Its score, a distance from the boundary, is brought to 0 to 1 by a sigmoid."""
    parts = np.array([(point.x, point.y) for point in dlib_files.points_of(5)(frame, box).parts()], np.float32)
    eyes = parts[:4].reshape(2, 2, 2).mean(1)[::-1]
    sides = np.array([box.left(), box.top(), box.right(), box.bottom()], np.float32)
    return Found(sides, float(1 / (1 + np.exp(-score))), np.concatenate([eyes, parts[4:]]))
