"""Turns, scales and shifts of the plane as (2, 3) matrices.

Points are (x, y), the middle of the first pixel being (0, 0).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix", "backward", "moved", "similarity"]

Matrix = NDArray[np.float64]
"""(2, 3): takes (x, y, 1) to (x, y)."""


def similarity(points: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """(2, 3) turn, scale and shift that brings (K, 2) points nearest to the target, in least squares.

    It never mirrors (Umeyama 1991). In the plane it is linear regression of complex numbers.
    """
    x = points[:, 0] + 1j * points[:, 1].astype(np.float64)
    y = target[:, 0] + 1j * target[:, 1].astype(np.float64)
    from_mean, to_mean = x - x.mean(), y - y.mean()
    turn = np.vdot(from_mean, to_mean) / max(np.vdot(from_mean, from_mean).real, 1e-9)
    shift = y.mean() - turn * x.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def moved(points: NDArray[np.floating], matrix: Matrix) -> NDArray[np.float64]:
    """(..., 2) points by a (2, 3) matrix."""
    result: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def backward(matrix: Matrix) -> Matrix:
    """The (2, 3) matrix that undoes a (2, 3) matrix."""
    inverse: Matrix = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return inverse
