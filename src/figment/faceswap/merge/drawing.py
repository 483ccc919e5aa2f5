"""Faces of a clip drawn anew by the network, a group of frames at a time.

A group's frames and the order of its faces are decided by the clip alone, since a network rounds a little differently
in another company: a merge that was stopped and goes on comes out the same to the bit.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.errors import DataError
from figment.faceswap.affine import moved
from figment.faceswap.align import FaceType, matrix, warped
from figment.faceswap.faceset import AlignedFace
from figment.faceswap.merge.blend import Enlarge, Swapped, doubled
from figment.faceswap.merge.footage import Footage, Frame
from figment.faceswap.merge.warp import Pixels

__all__ = ["GROUP", "THREADS", "Drawing", "Drawn", "Swapper", "cores", "swapped"]

GROUP = 8
"""How many frames are read and sent through the network together."""
THREADS = min(4, os.cpu_count() or 1)
"""How many groups are drawn, and frames put together, at once."""
UNKNOWN = (0, 0)
"""The size of its frame that a face from DeepFaceLab has."""


@dataclass(frozen=True, eq=False)
class Swapper:
    """A trained network, as merging needs it."""

    swap: Callable[[NDArray[np.uint8]], tuple[Pixels, Pixels, Pixels]]
    """Faces (B, S, S, 3) to those drawn, (B, S, S, 3) in [0, 1], and (B, S, S) masks of those drawn and those given."""
    size: int
    """S, in pixels."""
    face_type: FaceType
    """How much of a head is in the square."""
    digest: str
    """Tells its weights from any others."""
    enlarge: Enlarge = doubled
    """Draws more detail for super-resolution."""
    points: Callable[[NDArray[np.uint8], Pixels], NDArray[np.float32]] | None = None
    """Points (68, 2) of a drawn face (S, S, 3), near those of the face that it covers; None where none are known."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A frame and what was drawn for its faces."""

    frame: Frame
    faces: list[Swapped]


class Drawing:
    """The frames of a clip with what the network draws for their faces."""

    def __init__(self, footage: Footage, swapper: Swapper) -> None:
        """Read and draw as asked for."""
        self.footage, self.swapper = footage, swapper
        self._frames: Iterator[Frame] = iter(())
        self._next = -1
        self._first = -1
        self._group: list[Drawn] = []

    def group(self, first: int) -> list[Drawn]:
        """The frames from number `first`, a multiple of `GROUP`, on; the last group asked for is kept at hand."""
        if first != self._first:
            self._group = self.draw(first, self.read(first))
            self._first = first
        return self._group

    def draw(self, first: int, frames: Sequence[Frame]) -> list[Drawn]:
        """The group that begins at `first`, of what `read` told; several threads may do so at once."""
        faces = [self.footage.faces(first + place) for place in range(len(frames))]
        _check_size(frames[0], [face for there in faces for face in there])
        drawn = iter(swapped(frames, faces, self.swapper))
        return [Drawn(frame, [next(drawn) for _ in there]) for frame, there in zip(frames, faces, strict=True)]

    def read(self, first: int) -> list[Frame]:
        """Frames of the group that begins at `first`; the clip is opened anew where they do not follow on the last."""
        numbers = range(first, min(first + GROUP, self.footage.count))
        if numbers.start != self._next:
            self._frames, self._next = self.footage.frames(numbers.start), numbers.start
        frames = list(islice(self._frames, len(numbers)))
        self._next += len(frames)
        if len(frames) < len(numbers):
            raise DataError(f"The clip ends before frame {numbers.stop - 1}, which it should have; copy it again.")
        return frames


class _Cores:
    """How many cores PyTorch uses: what one thread sets is also what threads begin with that are started later."""

    def __init__(self) -> None:
        self._lock, self._lent, self._all = threading.Lock(), 0, 1

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Let PyTorch use as many as are left to each of `THREADS` threads, also where only one draws.

        It would start threads for all cores in each; and with other numbers of them it rounds differently.
        """
        with self._lock:
            here = torch.get_num_threads()  # a thread that never asked takes what others set, even after it set its own
            if not self._lent:
                self._all = here
            self._lent += 1
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // THREADS))
        try:
            yield
        finally:
            with self._lock:
                self._lent -= 1
                torch.set_num_threads(self._all)


cores = _Cores()


def _check_size(frame: Frame, faces: Sequence[AlignedFace]) -> None:
    size = (frame.shape[1], frame.shape[0])
    for face in faces:
        if face.source_size not in (size, UNKNOWN):
            there, here = ("x".join(map(str, each)) for each in (face.source_size, size))
            raise DataError(f"{face.name} is of a frame of {there}, those here have {here}; extract its faces anew.")


def swapped(frames: Sequence[Frame], faces: Sequence[Sequence[AlignedFace]], swapper: Swapper) -> list[Swapped]:
    """What is drawn for all of `faces`, those of each of `frames`."""
    found = [(frame, face.source_landmarks) for frame, there in zip(frames, faces, strict=True) for face in there]
    if not found:
        return []
    maps = [matrix(landmarks, swapper.size, swapper.face_type) for _, landmarks in found]
    cut = np.stack([warped(frame, place, swapper.size) for (frame, _), place in zip(found, maps, strict=True)])
    with cores.shared():
        drawn = zip(*swapper.swap(cut), strict=True)
    return [
        Swapped(place.astype(np.float32), moved(landmarks, place).astype(np.float32), *three)
        for (_, landmarks), place, three in zip(found, maps, drawn, strict=True)
    ]
