"""DPM-Solver++(2S) (Lu et al. 2022b, algorithm 1) with the noise of the posterior after each step."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step
from figment.nn.samplers.ancestral import split

LABEL = "DPM++ 2S a"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """Two evaluations a step, the second half way in lambda = -log(sigma). `eta` scales the noise."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        down, fresh = split(now, after, eta)
        estimate = guess
        if down:
            middle = (now * down) ** 0.5
            estimate = denoise((middle / now) * x + (1 - middle / now) * guess, middle)
        x = (down / now) * x + (1 - down / now) * estimate
        if fresh:
            x = x + fresh * noise(now, after)
        x = yield Step(number, x, guess)
    return x
