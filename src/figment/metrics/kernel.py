"""Kernel distance between two sets of features (KID, Bińkowski et al. 2018): unbiased, so it suits small sets."""

import math

import torch
from torch import Tensor

from figment.core.errors import DataError
from figment.metrics.estimate import Estimate
from figment.metrics.intervals import Z

__all__ = ["kernel_distance"]


def kernel_distance(first: Tensor, second: Tensor, *, subsets: int = 100, size: int = 1000, seed: int = 0) -> Estimate:
    """Squared maximum mean discrepancy of features (N, D) and (M, D) under the kernel (x.y / D + 1)^3.

    The mean over `subsets` random subsets of `size` rows each, or of as many as the smaller set has; below zero nothing
    was told apart. Subsets of one set overlap, so their spread is scaled to that of the whole set's figure (Politis,
    Romano & Wolf 1999); whole sets leave no spread to tell it by, and their interval is endless. Raises DataError for
    sets of fewer than two rows.
    """
    whole = min(len(first), len(second))
    size = min(size, whole)
    if size < 2:
        raise DataError(f"A distribution needs at least 2 pictures, not {size}.")
    rng = torch.Generator().manual_seed(seed)
    values = [
        _discrepancy(*(rows[torch.randperm(len(rows), generator=rng)[:size]].double() for rows in (first, second)))
        for _ in range(subsets)
    ]
    found = torch.stack(values)
    mean = float(found.mean())
    half = Z * float(found.std()) * (size / (whole - size)) ** 0.5 if size < whole else math.inf
    return Estimate(mean, mean - half, mean + half)


def _discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """The unbiased estimate of Gretton et al. 2012, eq. 3, for two sets of equally many rows."""
    count = len(x)
    within = sum((_kernel(rows, rows).sum() - _kernel_diagonal(rows).sum()) / (count * (count - 1)) for rows in (x, y))
    return within - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _kernel_diagonal(x: Tensor) -> Tensor:
    return (x.square().sum(dim=1) / x.shape[1] + 1) ** 3
