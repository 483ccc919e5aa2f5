"""Heun's method: the mean of the slopes at both ends of a step (Karras et al. 2022, algorithm 1)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "Heun"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """Second order, two evaluations a step; the last one, to sigma 0, is Euler's."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        ahead, guess = stepped(denoise, x, now, after)
        x = yield Step(number, ahead, guess)
    return x


def stepped(denoise: Denoise, x: Tensor, now: float, after: float) -> tuple[Tensor, Tensor]:
    """x after one step, and the estimate that it began with."""
    guess = denoise(x, now)
    slope = (x - guess) / now
    ahead = x + (after - now) * slope
    if after:
        slope = (slope + (ahead - denoise(ahead, after)) / after) / 2
        ahead = x + (after - now) * slope
    return ahead, guess
