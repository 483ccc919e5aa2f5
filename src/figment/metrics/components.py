"""Connected components of a mask, found by joining runs of neighbouring rows."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["components"]

Run = tuple[int, int, int]
"""Row, first column, and the column after the last."""


def components(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The 8-connected parts of `mask` (H, W), each a mask of the same shape, from the top down."""
    runs = _runs(mask)
    parents = _join(runs)
    parts: dict[int, NDArray[np.bool_]] = {}
    for number, (row, start, stop) in enumerate(runs):
        part = parts.setdefault(_root(parents, number), np.zeros_like(mask))
        part[row, start:stop] = True
    return list(parts.values())


def _runs(mask: NDArray[np.bool_]) -> list[Run]:
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


def _join(runs: list[Run]) -> list[int]:
    """A parent for every run; two runs have one root when they touch, also by their corners."""
    parents = list(range(len(runs)))
    above = 0
    for number, (row, start, stop) in enumerate(runs):
        while runs[above][0] < row - 1 or (runs[above][0] == row - 1 and runs[above][2] < start):
            above += 1
        other = above
        while runs[other][0] == row - 1 and runs[other][1] <= stop:
            first, second = _root(parents, other), _root(parents, number)
            parents[max(first, second)] = min(first, second)
            other += 1
    return parents


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
