"""What is merged: the frames of a clip and the faces in them that are to be covered."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import DataError
from figment.faceswap.faceset import AlignedFace

__all__ = ["Finish", "Footage", "Frame", "unchanged"]

Frame = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Finish = Callable[[Frame], Frame]
"""What is done to a frame before anybody sees it."""


class Frames(Protocol):
    """Gives the frames of a clip."""

    def __call__(self, first: int, *, only: Container[int] | None = None) -> Iterator[Frame]:
        """Those from number `first` on, and of them those in `only` where it is given."""


def unchanged(frame: Frame) -> Frame:
    """`frame` as it is."""
    return frame


class Footage:
    """The frames of a clip and the faces in them that are to be covered."""

    def __init__(self, frames: Frames, count: int, faces: Iterable[AlignedFace]) -> None:
        """`frames` gives those of the clip, of which there are `count`; `faces` may stand in any order.

        Raises DataError for faces of frames that there are not.
        """
        self.frames, self.count = frames, count
        self._faces: dict[int, list[AlignedFace]] = {}
        for face in sorted(faces, key=lambda face: (face.frame, face.index)):
            self._faces.setdefault(face.frame, []).append(face)
        last = max(self._faces, default=0)
        if last >= count:
            raise DataError(f"A face is said to be in frame {last} of a clip of {count}; extract its faces anew.")

    def faces(self, number: int) -> Sequence[AlignedFace]:
        """Those in frame `number`."""
        return self._faces.get(number, ())

    def way(self, number: int) -> tuple[float, float]:
        """How far the only face of frame `number` moves, in pixels, from the frame before to the frame after."""
        if len(self.faces(number)) != 1:
            return 0, 0
        before, after = (self._beside(number, step).source_landmarks.mean(0) for step in (-1, 1))
        across, down = (after - before).tolist()
        return across, down

    def _beside(self, number: int, step: int) -> AlignedFace:
        """The only face `step` frames from `number`, where it is in the same shot, or else that of `number` itself."""
        here, there = self.faces(number)[0], self.faces(number + step)
        return there[0] if len(there) == 1 and there[0].shot == here.shot else here
