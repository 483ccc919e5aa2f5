"""A linear map of colours and what it is made of: means, covariances and their square roots, turned axes."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.merge.warp import Pixels

__all__ = ["Matrix", "covariance", "mapped", "root", "turns"]

Matrix = NDArray[np.float64]
"""(3, 3)."""
LEAST = 1e-8
"""Variance that a single colour is taken to have, since none has no inverse."""


def covariance(colours: Pixels) -> Matrix:
    """(3, 3) of `colours` (N, 3)."""
    centred = colours - colours.mean(0, dtype=np.float64)
    result: Matrix = centred.T @ centred / len(colours) + LEAST * np.eye(3)
    return result


def root(matrix: Matrix, power: float = 0.5) -> Matrix:
    """The symmetric, positive definite `matrix` to the power of `power`."""
    values, vectors = np.linalg.eigh(matrix)
    raised: Matrix = (vectors * values.clip(LEAST * LEAST) ** power) @ vectors.T
    return raised


def mapped(source: Pixels, target: Pixels, matrix: Matrix) -> Pixels:
    """`source` (N, 3) through `matrix`, with the mean of `target` (M, 3)."""
    centred = source - source.mean(0, dtype=np.float64)
    result: Pixels = (centred @ matrix.T + target.mean(0, dtype=np.float64)).astype(np.float32)
    return result


def turns(number: int) -> Pixels:
    """(number, 3, 3): axes turned at random, the same in every frame, so that colours do not flicker."""
    return np.linalg.qr(np.random.default_rng(0).standard_normal((number, 3, 3)))[0].astype(np.float32)
