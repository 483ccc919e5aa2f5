"""Detectors: where faces are. One file each, called by its file name.

A module exports

    LABEL               how it is called
    detect(frames)      for each of (B, H, W, 3) uint8 sRGB frames, the faces in it, the surest first
"""

from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faces import Found
from figment.faceswap.models import registry

__all__ = ["DEFAULT", "SURE", "Detector", "detect_turned", "find", "labels"]

DEFAULT = "BlazeFace"
SURE = 0.85
"""Score from which a face is not looked for in other directions; of 879 portraits, all but a few reach it."""


class Detector(Protocol):
    """What every module of this package is."""

    LABEL: str

    @staticmethod
    def detect(frames: NDArray[np.uint8]) -> list[list[Found]]:
        """For each of (B, H, W, 3) frames, the faces in it, the surest first."""


def labels() -> dict[str, str]:
    """Module name of each detector by its label."""
    return registry.labels(__name__)


def find(label: str) -> Detector:
    """The detector called `label`. Raises InputError."""
    return cast(Detector, registry.find(__name__, label))


def detect_turned(detector: Detector, frames: NDArray[np.uint8]) -> list[list[Found]]:
    """As `detector.detect`, for frames in which faces may lie on their side or stand on their head.

    Where the surest face of a frame scores less than `SURE`, the frame is turned by 90, 270 and 180 degrees as well,
    and the faces of the direction with the surest one are taken. They stand in pixels of the frame as it was; their
    eyes tell how they are turned.
    """
    found = detector.detect(frames)
    doubtful = [number for number, faces in enumerate(found) if _surest(faces) < SURE]
    for quarters in (1, 3, 2) if doubtful else ():
        turned = np.ascontiguousarray(np.rot90(frames[doubtful], quarters, axes=(1, 2)))
        for number, faces in zip(doubtful, detector.detect(turned), strict=True):
            if _surest(faces) > _surest(found[number]):
                found[number] = [_turned_back(face, quarters, frames.shape[2], frames.shape[1]) for face in faces]
    return found


def _surest(faces: list[Found]) -> float:
    return faces[0].score if faces else 0.0


def _turned_back(face: Found, quarters: int, width: int, height: int) -> Found:
    """A face of a frame that np.rot90 turned `quarters` times, in the frame before that, which was width x height."""
    points = np.concatenate([face.box.reshape(2, 2), face.points])
    x, y = points[:, 0], points[:, 1]
    places = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[quarters]
    back = np.stack(places, 1).astype(np.float32)
    box = np.concatenate([back[:2].min(0), back[:2].max(0)])
    return Found(box, face.score, back[2:])
