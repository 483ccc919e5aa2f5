"""So many faces out of many: spread over where they look, of good quality, unlike each other."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from figment.core.task import Task
from figment.faceswap.align import pose
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting import histograms
from figment.faceswap.sorting.ranking import measured, sparse

__all__ = ["chosen", "evenly"]

YAWS, PITCHES = 128, 16
"""Bins between -WIDEST and WIDEST."""
WIDEST = 1.2
"""Radians; what is turned further counts among the last bin."""
POOL = 10
"""Of each bin of yaw so many times as many as can stay are looked at, the best ones."""

Quality = Callable[[AlignedFace, NDArray[np.uint8]], float]


def chosen(faceset: Faceset, target: int, quality: Quality) -> Task[list[AlignedFace]]:
    """At most `target` faces, those that look to the left of the picture first.

    The places are shared out evenly among the bins of yaw that hold faces. The best of a bin by `quality` share its
    places evenly among their bins of pitch, where those least like the others in their colours come first.
    """
    faces = faceset.faces()
    measures = yield from measured(
        faceset, faces, lambda face, image: (quality(face, image), histograms.root_histogram(face, image))
    )
    yaws = [pose(face.landmarks).yaw for face in faces]
    bins = _binned(range(len(faces)), yaws, YAWS)
    kept: list[int] = []
    for numbers, places in zip(bins, evenly([len(numbers) for numbers in bins], target), strict=True):
        best = sorted(numbers, key=lambda number: -measures[number][0])[: places * POOL]
        kept += yield from _spread(best, places, faces, [root for _, root in measures])
    return [faces[number] for number in kept]


def _spread(
    numbers: list[int], places: int, faces: list[AlignedFace], roots: list[NDArray[np.float32]]
) -> Task[list[int]]:
    """So many `numbers` as there are `places`, shared out among the bins of pitch."""
    bins = _binned(numbers, [pose(faces[number].landmarks).pitch for number in numbers], PITCHES)
    kept: list[int] = []
    for members, share in zip(bins, evenly([len(members) for members in bins], places), strict=True):
        unlike = yield from sparse(histograms.distances([roots[member] for member in members]), len(members))
        kept += [members[position] for position in unlike[:share]]
    return kept


def _binned(numbers: Sequence[int], angles: list[float], bins: int) -> list[list[int]]:
    """`numbers` by the bin of their `angles`, from the lowest; bins that hold none are left out."""
    held: defaultdict[int, list[int]] = defaultdict(list)
    for number, angle in zip(numbers, angles, strict=True):
        held[int(np.clip((angle / WIDEST + 1) / 2 * bins, 0, bins - 1))].append(number)
    return [held[bin] for bin in sorted(held)]


def evenly(sizes: list[int], places: int) -> list[int]:
    """How many of the `places` each of some bins gets that hold `sizes`: as equal as can be, and none left unused."""
    shares = [0] * len(sizes)
    places = min(places, sum(sizes))
    while places:
        open = [bin for bin, size in enumerate(sizes) if shares[bin] < size]
        step = max(1, min(places // len(open), min(sizes[bin] - shares[bin] for bin in open)))
        for bin in open[:places]:
            shares[bin] += step
            places -= step
    return shares
