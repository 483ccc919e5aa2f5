"""A picture put into another so that no seam shows: its edges are kept, its level comes from around it (Pérez, Gangnet
& Blake 2003: Poisson image editing).

What is wanted inside the mask is the source plus a smooth change that is, on the mask's rim, all that the two pictures
differ by. The change is the solution of Laplace's equation, found from a half as large one by over-relaxation.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from figment.faceswap.merge.warp import Pixels

__all__ = ["cloned"]

CLOSE = 2e-5
"""The iteration ends when it moves no value by more than this."""
SMALL = 8
"""Pictures no larger than this are not halved any more."""


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
    height, width = inside.shape
    if min(height, width) > SMALL:
        values = np.where(inside[..., None], _guess(values, inside), values)
    values = np.ascontiguousarray(values, np.float32)
    factor = 2 / (1 + math.sin(math.pi / max(height, width)))
    _relax(values, inside, np.float32(factor), np.float32(CLOSE), 10 * (height + width))
    return values


def _guess(values: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """The solution on every other pixel, each value repeated."""
    coarse = _harmonic(values[::2, ::2], np.pad(inside[::2, ::2][1:-1, 1:-1], 1))
    return coarse.repeat(2, 0).repeat(2, 1)[: len(values), : values.shape[1]]


@njit(cache=True, nogil=True)
def _relax(
    values: NDArray[np.float32], inside: NDArray[np.bool_], factor: np.float32, close: np.float32, most: int
) -> None:
    """Over-relaxation, even and odd pixels in turn, until it stands still or after `most` rounds."""
    height, width, channels = values.shape
    for _ in range(most):
        moved = np.float32(0)
        for parity in range(2):
            for y in range(1, height - 1):
                for x in range(1 + (y + parity) % 2, width - 1, 2):
                    if not inside[y, x]:
                        continue
                    for c in range(channels):
                        around = values[y - 1, x, c] + values[y + 1, x, c] + values[y, x - 1, c] + values[y, x + 1, c]
                        step = factor * (np.float32(0.25) * around - values[y, x, c])
                        values[y, x, c] += step
                        moved = max(moved, abs(step))
        if moved < close:
            return
