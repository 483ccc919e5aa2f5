"""Normal distributions in nats: how far two are apart, and what an 8-bit picture costs under one."""

import math

import torch
from torch import Tensor

__all__ = ["between", "discretised_nats", "divergence"]

HALF_BIN = 1 / 255
"""Half of the distance between two of the 256 values in [-1, 1]."""
LEAST = 1e-12


def between(ends: Tensor, count: int) -> Tensor:
    """(count, ...) points from the first to the second of `ends` (2, ...), standard normal draws, on a great circle.

    On a straight line the middle would be shorter than draws are (White 2016, Sampling Generative Networks).
    """
    share = torch.linspace(0, math.pi / 2, count).view(-1, *(1,) * (ends.ndim - 1))
    return share.cos() * ends[0] + share.sin() * ends[1]


def divergence(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence, element by element, of one normal distribution from another."""
    ratio = log_variance - other_log_variance
    return 0.5 * (ratio.exp() + (mean - other_mean).square() * (-other_log_variance).exp() - 1 - ratio)


def discretised_nats(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Cost of 8-bit `values` in [-1, 1]: minus the log of the mass in each one's bin (Ho et al. 2020, eq. 13).

    The bins of the outermost values reach to infinity, so that the masses of all 256 add up to one.
    """
    scale = (-0.5 * log_variance).exp()
    above, below = (_cumulative(scale * (values - mean + side)) for side in (HALF_BIN, -HALF_BIN))
    above = torch.where(values > 1 - HALF_BIN, 1.0, above)
    below = torch.where(values < HALF_BIN - 1, 0.0, below)
    return -(above - below).clamp(min=LEAST).log()


def _cumulative(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
