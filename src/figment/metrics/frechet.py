"""Fréchet distance between two sets of features (Heusel et al. 2017).

With features of an Inception network it is known as FID; with those of any other network it is not, and is never called
so here. It is biased upwards by small sets: compare only figures of equally many pictures.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from figment.core.errors import DataError

__all__ = ["Moments", "frechet_distance", "moments"]


@dataclass(frozen=True, eq=False)
class Moments:
    """The normal distribution that fits a set of features."""

    mean: Tensor
    """(D,) float64."""
    covariance: Tensor
    """(D, D) float64."""


def moments(features: Tensor) -> Moments:
    """Mean and unbiased covariance of `features` (N, D). Raises DataError for fewer than two rows."""
    if len(features) < 2:
        raise DataError(f"A distribution needs at least 2 pictures, not {len(features)}.")
    rows = features.double()
    return Moments(rows.mean(dim=0), torch.cov(rows.T).reshape(rows.shape[1], rows.shape[1]))


def frechet_distance(first: Tensor | Moments, second: Tensor | Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two sets of features (N, D), or of their moments.

    The trace of the root is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2). That product is symmetric;
    the root of one that is not turns complex by its rounding errors.
    """
    one, other = (part if isinstance(part, Moments) else moments(part) for part in (first, second))
    values, vectors = torch.linalg.eigh(one.covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    mixed = torch.linalg.eigvalsh(root @ other.covariance @ root).clamp(min=0).sqrt().sum()
    apart = (one.mean - other.mean).square().sum()
    distance = apart + one.covariance.trace() + other.covariance.trace() - 2 * mixed
    return max(0.0, float(distance))
