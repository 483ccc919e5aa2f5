"""DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2): an exponential integrator that remembers one estimate."""

from collections.abc import Sequence
from itertools import pairwise
from math import log

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "DPM++ 2M"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """Second order, one evaluation a step; the first step and the one to sigma 0 are of first order.

    With lambda = -log(sigma) and h the step in lambda, x' = (sigma'/sigma) x + (1 - exp(-h)) D, where D extrapolates
    the last two estimates to the middle of the step.
    """
    before: tuple[Tensor, float] | None = None
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        middle = guess
        if before is not None and after:
            step, last_step = log(now / after), log(before[1] / now)
            middle = guess + step / (2 * last_step) * (guess - before[0])
        x = (after / now) * x + (1 - after / now) * middle
        before = (guess, now)
        x = yield Step(number, x, guess)
    return x
