"""A figure with its 95 % interval, and the bootstrap that finds one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from figment.metrics.intervals import Z

__all__ = ["Estimate", "bootstrap"]


@dataclass(frozen=True)
class Estimate:
    """A measured figure."""

    value: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"

    @classmethod
    def of_mean(cls, values: Tensor) -> "Estimate":
        """The mean of independent `values` (N,), N at least 2, with a normal interval."""
        mean = float(values.double().mean())
        half = Z * float(values.double().std()) / len(values) ** 0.5
        return cls(mean, mean - half, mean + half)


def bootstrap(
    statistic: Callable[[Tensor, Tensor], float], first: Tensor, second: Tensor, *, rounds: int = 50, seed: int = 0
) -> Estimate:
    """`statistic` of two sets of rows (N, D) and (M, D), with the interval that resampling both suggests.

    Resampled sets hold repeats, which shifts statistics such as the Fréchet distance upwards; the interval is therefore
    the value less the quantiles of (resampled - mean of resampled), the basic bootstrap without that shift (Efron &
    Tibshirani 1993, chapter 13).
    """
    rng = torch.Generator().manual_seed(seed)
    value = statistic(first, second)
    resampled = torch.tensor(
        [
            statistic(
                *(rows[torch.randint(len(rows), (len(rows),), generator=rng)] for rows in (first, second)),
            )
            for _ in range(rounds)
        ],
        dtype=torch.float64,
    )
    low, high = (resampled - resampled.mean()).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Estimate(value, value - high, value - low)
