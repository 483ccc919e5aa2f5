"""Drawn faces moved to where the covered face has its features.

A network draws the proportions of the other person, and where that person never looked as far up or aside as the target
does, another pose. What is off alike all over a clip is measured on some of its frames, and a smooth field, the same
for every frame, takes it back: what moves within a face is the network's, and nothing trembles. Lids alone are looked
at in each frame in which the covered face closes them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from figment.faceswap.faceset import AlignedFace
from figment.faceswap.merge.blend import Swapped
from figment.faceswap.merge.drawing import GROUP, Swapper, cores, swapped
from figment.faceswap.merge.footage import Footage, Frame
from figment.faceswap.merge.lids import Gaps, closed
from figment.faceswap.merge.warp import Pixels, displaced, levels

__all__ = ["Fit", "field", "fitted"]

FRAMES = 16
"""Frames, evenly spread, on which it is measured."""
NEAR = 64
"""Frames that are read and passed over rather than that a clip is opened anew."""
SMOOTH = 1 / 32
"""How much a bending of the field counts against what it leaves, in sides of the square squared.

Less of it brings the points nearer, and takes more of the likeness to the source away."""
MOST = 0.1
"""Farthest that a point is moved, in sides of the square."""
EDGE = 9
"""Points on each side of the square that stay where they are."""

Shown = tuple[tuple[int, Frame], ...]
"""Frames with their numbers."""
Over = Callable[[Callable[[Shown], tuple[Pixels, Pixels]], Iterable[Shown]], Iterator[tuple[Pixels, Pixels]]]


class Fit:
    """What is off alike all over a clip between the faces of a network and those that they cover."""

    def __init__(self, footage: Footage, swapper: Swapper) -> None:
        """To be measured, when it is asked for, on frames of `footage` that show one face each."""
        alone = [number for number in range(footage.count) if len(footage.faces(number)) == 1]
        places = np.linspace(0, len(alone) - 1, min(FRAMES, len(alone))).round().astype(int)
        self.numbers = [alone[place] for place in places]
        self.footage, self.swapper = footage, swapper
        self._field: Pixels | None = None

    @property
    def possible(self) -> bool:
        """Whether there is anything to measure it by."""
        return self.swapper.points is not None and bool(self.numbers)

    @cached_property
    def key(self) -> str:
        """Digest of what it is measured on, the clip and the network apart."""
        return hashlib.sha256(np.asarray(self._covered(), "<f4").tobytes()).hexdigest()

    @cached_property
    def gaps(self) -> Gaps:
        """Of the lids of the clip's person."""
        return Gaps.of(self._covered())

    def of(self, face: Swapped, percent: int) -> Swapped:
        """`face` with `percent` of the way gone to where its features belong."""
        field = self.field()
        if any(self.gaps.closing(face.landmarks)):
            drawn = self._found(face)
            x, y = drawn.round().astype(int).clip(0, len(field) - 1).T
            field = field + closed(face.landmarks, drawn - field[y, x], self.gaps, len(field))
        return fitted(face, field, percent)

    def field(self, over: Over = map) -> Pixels:
        """(S, S, 2): see the function `field`. Measured when it is first asked for, group by group as `over` does it.

        `over` may be the `map` of a pool of threads; the field is the same.
        """
        if self._field is None:
            shown = zip(self.numbers, _read(self.footage, self.numbers), strict=True)
            groups = iter(lambda: tuple(islice(shown, GROUP)), ())
            drawn, covered = zip(*over(self._points, groups), strict=True)
            self._field = field(np.concatenate(drawn), np.concatenate(covered), self.swapper.size)
        return self._field

    def _points(self, shown: Shown) -> tuple[Pixels, Pixels]:
        """(B, 68, 2) of the faces that are drawn for the frames `shown`, and of those that they cover."""
        faces: list[Sequence[AlignedFace]] = [self.footage.faces(number) for number, _ in shown]
        drawn = swapped([frame for _, frame in shown], faces, self.swapper)
        return np.stack([self._found(face) for face in drawn]), np.stack([face.landmarks for face in drawn])

    def _found(self, face: Swapped) -> Pixels:
        """(68, 2) of `face` as it was drawn."""
        assert self.swapper.points is not None
        with cores.shared():
            return self.swapper.points(levels(face.rgb), face.landmarks)

    def _covered(self) -> NDArray[np.floating]:
        """(N, 68, 2) of all faces of the clip."""
        numbers = range(self.footage.count)
        return np.stack([face.source_landmarks for number in numbers for face in self.footage.faces(number)])


def field(drawn: NDArray[np.floating], covered: NDArray[np.floating], size: int) -> Pixels:
    """(S, S, 2): how far right and below of each pixel of the square lies what belongs there.

    `drawn` and `covered` (B, 68, 2) are points of faces as drawn and as covered, in pixels of the square; the median
    over the faces counts. Between the points it is a smoothing thin-plate spline (Duchon 1977; Wahba 1990), and 0 at
    the edge of the square.
    """
    side = np.linspace(0, 1, EDGE)
    edge = np.array([(x, y) for x in side for y in side if {x, y} & {0.0, 1.0}])
    places = np.median(covered, axis=0) / size
    off = (np.median(drawn - covered, axis=0) / size).clip(-MOST, MOST)
    spline = RBFInterpolator(
        np.concatenate([places, edge]), np.concatenate([off, np.zeros_like(edge)]), smoothing=SMOOTH
    )
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2) / size
    result: Pixels = (spline(pixels) * size).reshape(size, size, 2).astype(np.float32)
    return result


def fitted(face: Swapped, field: Pixels, percent: int) -> Swapped:
    """`face` with `percent` of the way of `field` gone."""
    part = field * np.float32(percent / 100)
    return replace(face, rgb=displaced(face.rgb, part, sharp=True), predicted=displaced(face.predicted, part))


def _read(footage: Footage, numbers: Sequence[int]) -> Iterator[Frame]:
    """Frames `numbers`, which ascend."""
    wanted = frozenset(numbers)
    frames, coming = footage.frames(0, only=wanted), 0
    for number in numbers:
        if number - coming > NEAR:
            frames = footage.frames(number, only=wanted)
        yield next(frames)
        coming = number + 1
