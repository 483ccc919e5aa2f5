"""How many of the kinds that there are a model makes, and how evenly."""

from dataclasses import dataclass

import torch
from torch import Tensor

from figment.metrics.estimate import Estimate, bootstrap

__all__ = ["Modes", "modes", "unevenness"]


@dataclass(frozen=True)
class Modes:
    """Kinds that were found among made pictures."""

    found: int
    total: int
    unevenness: Estimate
    """Kullback-Leibler divergence of how often each was made from how often it is real, in nats."""

    def __str__(self) -> str:
        return f"{self.found} of {self.total}, KL {self.unevenness}"


def modes(made: Tensor, real: Tensor, total: int) -> Modes:
    """Kinds among made pictures, whose numbers from 0 to `total` - 1 are `made` (N,), beside `real` (M,) ones."""

    def statistic(first: Tensor, second: Tensor) -> float:
        return unevenness(torch.bincount(first, minlength=total), torch.bincount(second, minlength=total))

    return Modes(int((torch.bincount(made, minlength=total) > 0).sum()), total, bootstrap(statistic, made, real))


def unevenness(counts: Tensor, expected: Tensor | None = None) -> float:
    """Divergence in nats of `counts` (K,) from `expected` ones, or from all alike; 0 where they agree.

    One is added to every expected count, so that kinds that no real picture showed do not make it infinite.
    """
    shares = counts.double() / counts.sum()
    wanted = torch.ones_like(shares) if expected is None else expected.double() + 1
    wanted = wanted / wanted.sum()
    seen = shares > 0
    return float((shares[seen] * (shares[seen] / wanted[seen]).log()).sum())
