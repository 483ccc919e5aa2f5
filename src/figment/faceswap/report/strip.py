"""Some frames of a clip before and after the swap, one above the other."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.pixels.grids import grid

__all__ = ["COLUMNS", "WIDTH", "Strip"]

COLUMNS = 6
WIDTH = 160
"""Pixels of each frame."""


class Strip:
    """The strip of a clip of `count` frames, filled as they come."""

    def __init__(self, count: int) -> None:
        self._wanted = set(np.linspace(0, count - 1, min(count, COLUMNS)).round().astype(int).tolist())
        self._pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []

    def add(self, number: int, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
        """Take in frame `number`, (H, W, 3), where it is one of those that are shown."""
        if number in self._wanted:
            self._pairs.append((_small(before), _small(after)))

    def picture(self) -> NDArray[np.uint8] | None:
        """uint8 (height, width, 3): the frames as they were above, as they are below; None where there are none."""
        if not self._pairs:
            return None
        above, below = zip(*self._pairs, strict=True)
        return grid([*above, *below], len(self._pairs))


def _small(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    size = (WIDTH, max(round(height * WIDTH / width), 1))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
