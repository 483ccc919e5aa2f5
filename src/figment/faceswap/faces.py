"""A face that a detector says is there.

Points are (x, y) in pixels of the frame, the middle of the first pixel being (0, 0); a box is left, top, right, bottom.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Found"]


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
