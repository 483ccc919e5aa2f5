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

__all__ = ["DEFAULT", "Detector", "detect_turned", "find", "labels"]

DEFAULT = "BlazeFace"


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
    """As `detector.detect`; frames in which nothing is found are turned by 90, 270 and 180 degrees and tried again.

    What is found then stands in pixels of the frame as it was; its eyes tell how the face is turned.
    """
    found = detector.detect(frames)
    for quarters in (1, 3, 2):
        empty = [number for number, faces in enumerate(found) if not faces]
        if not empty:
            break
        turned = np.ascontiguousarray(np.rot90(frames[empty], quarters, axes=(1, 2)))
        for number, faces in zip(empty, detector.detect(turned), strict=True):
            found[number] = [_turned_back(face, quarters, frames.shape[2], frames.shape[1]) for face in faces]
    return found


def _turned_back(face: Found, quarters: int, width: int, height: int) -> Found:
    """A face of a frame that np.rot90 turned `quarters` times, in the frame before that, which was width x height."""
    points = np.concatenate([face.box.reshape(2, 2), face.points])
    x, y = points[:, 0], points[:, 1]
    places = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[quarters]
    back = np.stack(places, 1).astype(np.float32)
    box = np.concatenate([back[:2].min(0), back[:2].max(0)])
    return Found(box, face.score, back[2:])
