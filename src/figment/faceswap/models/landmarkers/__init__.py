"""Landmarkers: the 68 points of a face in the order of dlib. One file each, called by its file name.

A module exports

    LABEL                       how it is called
    landmarks(frame, found)     (N, 68, 2) float32 points, in pixels of the frame

The points, by number from 0: jaw 0-16 from the left of the picture to its right, brows 17-21 and 22-26, bridge of the
nose 27-30, its lower edge 31-35, eyes 36-41 and 42-47, lips outside 48-59 and inside 60-67.
"""

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faces import Found
from figment.faceswap.models import registry

__all__ = ["DEFAULT", "Landmarker", "find", "labels"]

DEFAULT = "Face Mesh"


class Landmarker(Protocol):
    """What every module of this package is."""

    LABEL: str

    @staticmethod
    def landmarks(frame: NDArray[np.uint8], found: Sequence[Found]) -> NDArray[np.float32]:
        """(N, 68, 2) points of the N faces found in an (H, W, 3) frame."""


def labels() -> dict[str, str]:
    """Module name of each landmarker by its label."""
    return registry.labels(__name__)


def find(label: str) -> Landmarker:
    """The landmarker called `label`. Raises InputError."""
    return cast(Landmarker, registry.find(__name__, label))
