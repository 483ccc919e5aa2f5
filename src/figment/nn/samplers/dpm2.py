"""DPM-Solver-2 (Lu et al. 2022a; Karras et al. 2022): the slope in the middle of a step, on a logarithmic scale."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "DPM2"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """Second order, two evaluations a step; the last one, to sigma 0, is Euler's."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        x = x + (after - now) * midway(denoise, x, guess, now, after)
        x = yield Step(number, x, guess)
    return x


def midway(denoise: Denoise, x: Tensor, guess: Tensor, now: float, after: float) -> Tensor:
    """The slope half way to `after`; that at `now`, where `after` is 0."""
    slope: Tensor = (x - guess) / now
    if not after:
        return slope
    middle = (now * after) ** 0.5
    between = x + (middle - now) * slope
    slope = (between - denoise(between, middle)) / middle
    return slope
