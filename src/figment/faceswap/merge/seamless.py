"""A picture put into another so that no seam shows: its edges are kept, its level comes from around it (Pérez, Gangnet
& Blake 2003: Poisson image editing).

What is wanted inside the mask is the source plus a smooth change that is, on the mask's rim, all that the two pictures
differ by. The change is the solution of Laplace's equation, found by multigrid (Brandt 1977): a few rounds of averaging
remove what is rough in the error, and what is smooth in it is found the same way on every other pixel.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from figment.faceswap.merge.warp import Pixels

__all__ = ["cloned"]

CLOSE = 4e-4
"""The search ends when a round over all grids moves no value by more than this; a level of 8 bits is ten times that."""
MOST = 50
"""Rounds at most."""
SMALL = 8
"""Pictures no larger than this are not halved any more."""
SWEEPS = 2
"""How often values are averaged before and after each look at a coarser grid; on the smallest, how often in all."""


def cloned(source: Pixels, target: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """`target` (H, W, 3) with the edges of `source` (H, W, 3) where `inside` (H, W); clipped to [0, 1].

    The outermost pixels of `target` always stay.
    """
    inside = np.pad(inside[1:-1, 1:-1], 1)
    change = np.where(inside[..., None], 0, target - source).astype(np.float32)
    result = np.where(inside[..., None], source + _harmonic(change, inside), target)
    return result.clip(0, 1).astype(np.float32)


def _harmonic(values: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """`values` (H, W, 3) with those `inside` such that each is the mean of its four neighbours."""
    if min(inside.shape) > SMALL:
        coarse = _harmonic(values[::2, ::2], _halved(inside))
        values = np.where(inside[..., None], 0, values)
        _add_enlarged(values, coarse, inside)
    values = np.ascontiguousarray(values, np.float32)
    nothing = np.zeros_like(values)
    for _ in range(MOST):
        before = values.copy()
        _round(values, nothing, inside)
        if np.abs(values - before).max() < CLOSE:
            break
    return values


def _round(values: Pixels, right: Pixels, inside: NDArray[np.bool_]) -> None:
    """Bring `values` nearer to where four times each, less its neighbours, is `right`, both (H, W, 3); in place."""
    if min(inside.shape) <= SMALL:
        _average(values, right, inside, 10 * SWEEPS)
        return
    _average(values, right, inside, SWEEPS)
    coarse = _halved(inside)
    error = np.zeros((*coarse.shape, 3), np.float32)
    _round(error, _lacking(values, right, inside, coarse), coarse)
    _add_enlarged(values, error, inside)
    _average(values, right, inside, SWEEPS)


def _halved(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every other pixel, the outermost being outside."""
    return np.pad(inside[::2, ::2][1:-1, 1:-1], 1)


@njit(cache=True, nogil=True)
def _average(values: Pixels, right: Pixels, inside: NDArray[np.bool_], sweeps: int) -> None:
    """Solve for one pixel after the other (Gauss-Seidel), even and odd ones in turn."""
    for half in range(2 * sweeps):
        for y in range(1, len(values) - 1):
            above, row, below, wanted, counts = values[y - 1], values[y], values[y + 1], right[y], inside[y]
            for x in range(1 + (y + half) % 2, len(row) - 1, 2):
                if counts[x]:
                    for c in range(3):
                        around = above[x, c] + below[x, c] + row[x - 1, c] + row[x + 1, c]
                        row[x, c] = np.float32(0.25) * (wanted[x, c] + around)


@njit(cache=True, nogil=True)
def _lacking(values: Pixels, right: Pixels, inside: NDArray[np.bool_], coarse: NDArray[np.bool_]) -> Pixels:
    """What `right` has more than `values` give, weighed around every other pixel: the right side of the coarse grid."""
    height, width = coarse.shape
    result = np.zeros((height, width, 3), np.float32)
    for y in range(1, len(values) - 1):
        above, row, below, wanted, counts = values[y - 1], values[y], values[y + 1], right[y], inside[y]
        for x in range(1, len(row) - 1):
            if counts[x]:
                top, bottom, start, end = y // 2, min((y + 1) // 2, height - 1), x // 2, min((x + 1) // 2, width - 1)
                for c in range(3):
                    around = above[x, c] + below[x, c] + row[x - 1, c] + row[x + 1, c]
                    rest = np.float32(0.25) * (wanted[x, c] - np.float32(4) * row[x, c] + around)
                    result[top, start, c] += rest
                    result[top, end, c] += rest
                    result[bottom, start, c] += rest
                    result[bottom, end, c] += rest
    return result


@njit(cache=True, nogil=True)
def _add_enlarged(values: Pixels, coarse: Pixels, inside: NDArray[np.bool_]) -> None:
    """Add `coarse`, which stands at every other pixel, to `values` where they are `inside`; between pixels the mean."""
    height, width, _ = coarse.shape
    for y in range(1, len(values) - 1):
        row, counts = values[y], inside[y]
        above, below = coarse[y // 2], coarse[min((y + 1) // 2, height - 1)]
        for x in range(1, len(row) - 1):
            if counts[x]:
                start, end = x // 2, min((x + 1) // 2, width - 1)
                for c in range(3):
                    row[x, c] += np.float32(0.25) * (above[start, c] + above[end, c] + below[start, c] + below[end, c])
