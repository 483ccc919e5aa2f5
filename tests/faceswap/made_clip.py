"""A clip and its faces that tests make: a picture that moves under a camera, with points that move with it."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut
from tests.faceswap.made_faces import POINTS, face

from figment.faceswap.align import FaceType
from figment.faceswap.faceset import AlignedFace
from figment.faceswap.merge.drawing import Swapper
from figment.faceswap.merge.footage import Footage
from figment.faceswap.merge.session import Session
from figment.faceswap.merge.warp import Pixels
from figment.faceswap.merging import Merging
from figment.faceswap.workspace import Workspace

COUNT = 19
"""Frames: two groups and a part of one."""
SIZE = (120, 100)
"""Width and height of a frame."""
BARE = (4, 12)
"""Frames without a face."""
PICTURE: NDArray[np.uint8] = astronaut()


def frame(number: int) -> NDArray[np.uint8]:
    """(100, 120, 3): what the camera sees."""
    return np.ascontiguousarray(PICTURE[60:160, 140 + number : 260 + number])


def frames(first: int, *, only: Container[int] | None = None) -> Iterator[NDArray[np.uint8]]:
    """Those from `first` on, and of them those in `only`."""
    return (frame(number) for number in range(first, COUNT) if only is None or number in only)


def faces() -> list[AlignedFace]:
    """One in every frame but two; the third frame has a second one."""
    there = [number for number in range(COUNT) if number not in BARE]
    places = [(number, 0, 40 - number) for number in there] + [(2, 1, 70)]
    points = [(POINTS * 40 + np.array([left, 35])).astype(np.float32) for _, _, left in places]
    return [
        face(
            f"{number:05d}_{index}.jpg",
            frame=number,
            index=index,
            source_landmarks=each,
            source_size=(120, 100),
            shot=0,
        )
        for (number, index, _), each in zip(places, points, strict=True)
    ]


def negative(size: int = 32, seen: Callable[[int], object] = lambda _: None) -> Swapper:
    """Draws the negative of each face, with a disc for a mask; tells `seen` how many faces it gets at once."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    disc = (0.4 * size - np.hypot(x, y)).clip(0, 1).astype(np.float32)

    def swap(squares: NDArray[np.uint8]) -> tuple[Pixels, Pixels, Pixels]:
        seen(len(squares))
        masks = np.repeat(disc[None], len(squares), 0)
        return 1 - squares.astype(np.float32) / np.float32(255), masks, masks

    return Swapper(swap, size, FaceType.FULL, "negative")


def merging(folder: Path, swapper: Swapper | None = None) -> Merging:
    """The merge of the clip in `folder`."""
    session = Session(folder / "merged", "made", COUNT, Workspace(folder).put_away)
    return Merging(Footage(frames, COUNT, faces()), session, swapper or negative())
