"""A face that a detector says is there, and how much of a face is shown.

Points are (x, y) in pixels of the frame, the middle of the first pixel being (0, 0); a box is left, top, right, bottom.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["FaceType", "Found"]


class FaceType(StrEnum):
    """How much of a face is shown; each is a wider square than the one before."""

    HALF = "half"
    MID = "mid"
    FULL = "full"
    WHOLE = "whole"
    HEAD = "head"

    @property
    def padding(self) -> float:
        """What each side of the square is wider than "half", in shares of that square's diagonal."""
        return {"half": 0.0, "mid": 0.0675, "full": 0.2109375, "whole": 0.4, "head": 0.7}[self]

    @property
    def raised(self) -> float:
        """How far the square is moved up, towards the hair, in shares of the square of "half"."""
        return {"whole": 0.07, "head": 0.5}.get(self, 0.0)

    @property
    def deepfacelab(self) -> str:
        """What DeepFaceLab calls it."""
        return {"mid": "midfull_face", "head": "head"}.get(self, f"{self}_face")


@dataclass(frozen=True, eq=False)
class Found:
    """A face that a detector says is there."""

    box: NDArray[np.float32]
    """(4,): left, top, right, bottom, in pixels of the frame; parts of it may lie outside."""
    score: float
    """How sure the detector is, from 0 to 1; what it means differs by detector."""
    points: NDArray[np.float32]
    """(K, 2): the middles of the eyes first, that in the left of an upright picture before the other; then, where the
    detector knows them, the tip of the nose, the mouth, the ears."""

    @classmethod
    def around(cls, landmarks: NDArray[np.float32]) -> "Found":
        """The face of these (68, 2) points, for a landmarker to look at again."""
        eyes = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0)])
        return cls(np.concatenate([landmarks.min(0), landmarks.max(0)]), 1.0, eyes)

    @property
    def size(self) -> float:
        """The longer side of the box in pixels."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    @property
    def angle(self) -> float:
        """How far the face is turned clockwise in the picture, in radians, by its eyes."""
        return float(np.arctan2(*(self.points[1] - self.points[0])[::-1]))

    @property
    def corners(self) -> NDArray[np.float32]:
        """(2, 2): top left and bottom right of a square as large as the box, turned as the face is."""
        across, down = np.cos(self.angle), np.sin(self.angle)
        half = np.array([across - down, across + down]) * self.size / 2
        centre = (self.box[:2] + self.box[2:]) / 2
        return np.stack([centre - half, centre + half]).astype(np.float32)
