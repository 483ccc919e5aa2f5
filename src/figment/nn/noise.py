"""Noise levels: how much noise a picture has at each of T training times, and which of the levels sampling visits.

Training times are those of a variance-preserving process, x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise (Ho et al. 2020).
Samplers see the same picture as x_0 + sigma * noise with sigma = sqrt((1 - a_t) / a_t).
"""

import math
from typing import Literal

import torch
from torch import Tensor

from figment.core.errors import InputError

__all__ = [
    "SPACINGS",
    "Spacing",
    "cosine_levels",
    "karras",
    "linear_levels",
    "sigma_at",
    "sigma_of",
    "spaced",
    "time_of",
]

Spacing = Literal["uniform", "karras", "exponential"]
SPACINGS: tuple[Spacing, ...] = ("uniform", "karras", "exponential")
MOST_BETA = 0.999
RHO = 7


def linear_levels(times: int) -> Tensor:
    """a_t (T,), float64, falling, for betas that rise in a line from 1e-4 to 0.02 at T = 1000 (Ho et al. 2020)."""
    betas = torch.linspace(1e-4, 0.02, times, dtype=torch.float64) * (1000 / times)
    return (1 - betas.clamp(max=MOST_BETA)).cumprod(dim=0)


def cosine_levels(times: int) -> Tensor:
    """a_t (T,), float64, along a squared cosine (Nichol & Dhariwal 2021, eq. 17): slower to destroy small pictures."""
    places = torch.arange(times + 1, dtype=torch.float64) / times
    curve = torch.cos((places + 0.008) / 1.008 * math.pi / 2).square()
    betas = (1 - curve[1:] / curve[:-1]).clamp(max=MOST_BETA)
    return (1 - betas).cumprod(dim=0)


def sigma_of(levels: Tensor) -> Tensor:
    """Sigma (T,) of every a_t, rising."""
    return ((1 - levels) / levels).sqrt()


def time_of(sigma: float, sigmas: Tensor) -> float:
    """The time in [0, T - 1], fractional, at which rising `sigmas` (T,) reach `sigma`, on a logarithmic scale."""
    above = int(torch.searchsorted(sigmas, torch.tensor(sigma, dtype=sigmas.dtype)))
    if above == 0 or above == len(sigmas):
        return float(min(above, len(sigmas) - 1))
    low, high = math.log(float(sigmas[above - 1])), math.log(float(sigmas[above]))
    return above - 1 + (math.log(sigma) - low) / (high - low)


def spaced(steps: int, sigmas: Tensor, spacing: Spacing = "uniform", start: float = 1.0) -> list[float]:
    """`steps` + 1 levels from the largest of rising `sigmas` (T,) down to 0.

    "uniform" visits training times at equal distances, "karras" equal distances of sigma^(1/7) (Karras et al. 2022, eq.
    5), "exponential" equal distances of log(sigma). With a `start` under 1 the path begins at that share of the times,
    as image to image does. Raises InputError for more steps than there are times, and for a start outside (0, 1].
    """
    times = len(sigmas)
    if not 1 <= steps <= times:
        raise InputError(
            f"This model was trained at {times} noise levels; it samples in 1 to {times} steps, not {steps}."
        )
    if not 0 < start <= 1:
        raise InputError(f"A path starts at a share of the noise above 0 and at most 1, not {start}.")
    first = start * times - 1
    if spacing == "uniform":
        visited = [max(0.0, first - step * (first + 1) / steps) for step in range(steps)]
        return [sigma_at(time, sigmas) for time in visited] + [0.0]
    high, low = sigma_at(max(0.0, first), sigmas), float(sigmas[0])
    if spacing == "karras":
        return [*karras(steps, low, high), 0.0]
    shares = [1 - step / max(1, steps - 1) for step in range(steps)]
    return [math.exp(math.log(low) + share * math.log(high / low)) for share in shares] + [0.0]


def karras(count: int, low: float, high: float) -> list[float]:
    """Levels from `high` to `low` at even distances of sigma^(1/7) (Karras et al. 2022, eq. 5); one alone is `high`."""
    ends = high ** (1 / RHO), low ** (1 / RHO)
    return [(ends[0] + place / max(1, count - 1) * (ends[1] - ends[0])) ** RHO for place in range(count)]


def sigma_at(time: float, sigmas: Tensor) -> float:
    """The level at a fractional `time` in [0, T - 1], on a logarithmic scale; `time_of` leads back."""
    below = min(int(time), len(sigmas) - 2)
    low, high = math.log(float(sigmas[below])), math.log(float(sigmas[below + 1]))
    return math.exp(low + (time - below) * (high - low))
