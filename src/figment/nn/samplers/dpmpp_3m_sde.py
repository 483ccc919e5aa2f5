"""SDE-DPM-Solver++(3M): the multistep integrator of DPM++ 2M SDE with one more estimate remembered.

The last three estimates make a parabola in lambda = -log(sigma), whose exponential integral is exact (Lu et al. 2022b,
section 4, carried on to third order).
"""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from math import exp, expm1, log

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "DPM++ 3M SDE"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """One evaluation a step. `eta` scales the noise; at 0 the path is deterministic."""
    before: deque[tuple[Tensor, float]] = deque(maxlen=2)  # estimates, and the sigmas they were made at; latest first
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        if after:
            step = log(now / after)
            x = exp(-step * (1 + eta)) * x + aimed(guess, now, list(before), step, eta)
            if eta:
                x = x + after * (-expm1(-2 * eta * step)) ** 0.5 * noise(now, after)
        else:
            x = guess
        before.appendleft((guess, now))
        x = yield Step(number, x, guess)
    return x


def aimed(guess: Tensor, now: float, before: Sequence[tuple[Tensor, float]], step: float, eta: float) -> Tensor:
    """What the estimates of this step and of those before it add to x over the step."""
    reach = step * (1 + eta)
    second = expm1(-reach) / reach + 1
    total = -expm1(-reach) * guess
    if not before:
        return total
    slope = (guess - before[0][0]) * (step / log(before[0][1] / now))
    if len(before) == 1:
        return total + second * slope
    last, earlier = log(before[0][1] / now) / step, log(before[1][1] / before[0][1]) / step
    slope_before = (before[0][0] - before[1][0]) / earlier
    bend = (slope - slope_before) / (last + earlier)
    third = second / reach - 0.5
    return total + second * (slope + bend * last) - third * bend
