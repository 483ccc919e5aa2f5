"""SDE-DPM-Solver++(2S) (Lu et al. 2022b): a stochastic half step shows where the whole step should aim."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step
from figment.nn.samplers.ancestral import split

LABEL = "DPM++ SDE"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """Two evaluations a step. `eta` scales the noise; at 0 this is DPM++ 2S without noise."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        estimate = guess
        if after:
            middle = (now * after) ** 0.5
            between = towards(guess, x, now, middle, noise, eta)
            estimate = denoise(between, middle)
        x = towards(estimate, x, now, after, noise, eta)
        x = yield Step(number, x, guess)
    return x


def towards(estimate: Tensor, x: Tensor, now: float, after: float, noise: Noise, eta: float) -> Tensor:
    """A step of first order to `after`, with its noise."""
    down, fresh = split(now, after, eta)
    x = (down / now) * x + (1 - down / now) * estimate
    return x + fresh * noise(now, after) if fresh else x
