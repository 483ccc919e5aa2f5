"""Euler's method: the straight line along the slope (Karras et al. 2022, algorithm 1 without its second half)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "Euler"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """First order, one evaluation a step."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        x = x + (after - now) * (x - guess) / now
        x = yield Step(number, x, guess)
    return x
