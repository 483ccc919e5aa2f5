"""DDIM (Song et al. 2021a): the step that keeps the estimate of the noise."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step
from figment.nn.samplers.ancestral import split

LABEL = "DDIM"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 0.0) -> Path:
    """First order, one evaluation a step. `eta` 0 is deterministic, 1 is DDPM (eq. 16)."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        down, fresh = split(now, after, eta)
        x = guess + (down / now) * (x - guess)
        if fresh:
            x = x + fresh * noise(now, after)
        x = yield Step(number, x, guess)
    return x
