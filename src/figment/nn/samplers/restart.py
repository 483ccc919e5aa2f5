"""Restart sampling (Xu et al. 2023, algorithm 1): Heun's method that goes back up to more noise, and down again.

Noise added anew shrinks the errors made so far. How often it goes back, and in how many steps, follows AUTOMATIC1111:
once from 20 steps on, twice from 36, between the levels nearest to 0.1 and to 2.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.noise import karras
from figment.nn.samplers import Denoise, Noise, Path, Step
from figment.nn.samplers.heun import stepped

LABEL = "Restart"
LOW, HIGH = 0.1, 2.0


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """Second order, two evaluations a step; as many steps as `sigmas` have, some of them spent on the way back down."""
    last = sigmas[0]
    for number, (now, after) in enumerate(_steps(sigmas), start=1):
        if number > 1 and now > last:
            x = x + (now**2 - last**2) ** 0.5 * noise(last, now)
        ahead, guess = stepped(denoise, x, now, after)
        last = after
        x = yield Step(number, ahead, guess)
    return x


def _steps(sigmas: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Steps down, and down again from where noise is added."""
    steps = len(sigmas) - 1
    times = 0 if steps < 20 else 1 if steps < 36 else 2
    length = 9 if times == 1 else steps // 4
    levels = list(sigmas)
    if times:
        levels = [*karras(steps - length * times, sigmas[-2], sigmas[0]), sigmas[-1]]
    low, high = (min(range(len(levels)), key=lambda place: abs(levels[place] - wanted)) for wanted in (LOW, HIGH))
    for place, step in enumerate(pairwise(levels), start=1):
        yield step
        if place == low and high < low:
            for _ in range(times):
                yield from pairwise(karras(length + 1, levels[low], levels[high]))
