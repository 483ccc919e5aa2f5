"""Faces ranked by a figure of each, or led from one to the next by how far they are apart."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from figment.core.task import Progress, Task
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["Distances", "by_points", "chain", "measured", "ranked", "sparse"]

T = TypeVar("T")

Distances = Callable[[int], NDArray[np.float32]]
"""From the number of a face to the distances (N,) of all faces to it."""


def measured(
    faceset: Faceset, faces: Sequence[AlignedFace], measure: Callable[[AlignedFace, NDArray[np.uint8]], T]
) -> Task[list[T]]:
    """What `measure` says of each face and its picture, uint8 (size, size, 3)."""
    found: list[T] = []
    for face in faces:
        found.append(measure(face, faceset.image(face)))
        yield Progress(len(found), len(faces), "measuring")
    return found


def ranked(
    faceset: Faceset, measure: Callable[[AlignedFace, NDArray[np.uint8]], float], *, largest_first: bool
) -> Task[list[AlignedFace]]:
    """The faces by their measure; those of equal measure stay in the order that they had."""
    faces = faceset.faces()
    figures = yield from measured(faceset, faces, measure)
    order = np.argsort(-np.array(figures) if largest_first else np.array(figures), kind="stable")
    return [faces[number] for number in order]


def chain(distances: Distances, count: int, *, farthest: bool = False) -> Task[list[int]]:
    """Numbers 0 to count - 1, from 0 on each followed by the nearest (or the `farthest`) that is left."""
    left = np.ones(count, bool)
    order = [0] if count else []
    for step in range(1, count):
        left[order[-1]] = False
        away = distances(order[-1])
        order.append(int(np.where(left, -away if farthest else away, np.inf).argmin()))
        yield Progress(step + 1, count, "comparing")
    return order


def sparse(distances: Distances, count: int) -> Task[list[int]]:
    """Numbers 0 to count - 1, those whose distances to all others have the largest sum first."""
    sums = np.zeros(count)
    for number in range(count):
        sums[number] = distances(number).sum()
        yield Progress(number + 1, count, "comparing")
    return [int(number) for number in np.argsort(-sums, kind="stable")]


def by_points(faceset: Faceset, measure: Callable[[NDArray[np.float32]], float]) -> Task[list[AlignedFace]]:
    """The faces by the measure of their points (68, 2), the smallest first."""
    faces = faceset.faces()
    ordered = sorted(faces, key=lambda face: measure(face.landmarks))
    yield Progress(len(faces), len(faces), "measuring")
    return ordered
