"""DPM-Solver-2 with the noise of the posterior after each step."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step
from figment.nn.samplers.ancestral import split
from figment.nn.samplers.dpm2 import midway

LABEL = "DPM2 a"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """Two evaluations a step. `eta` scales the noise; at 0 this is DPM2."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        down, fresh = split(now, after, eta)
        x = x + (down - now) * midway(denoise, x, guess, now, down)
        if fresh:
            x = x + fresh * noise(now, after)
        x = yield Step(number, x, guess)
    return x
