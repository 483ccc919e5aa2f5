"""SDE-DPM-Solver++(2M) (Lu et al. 2022b, appendix), Heun's form: the slope of the estimates integrated exactly."""

from collections.abc import Sequence
from itertools import pairwise
from math import expm1, log

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "DPM++ 2M SDE Heun"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """One evaluation a step. `eta` scales the noise."""
    before: tuple[Tensor, float] | None = None
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        if after:
            step = log(now / after)
            wide = step * (1 + eta)
            taken = -expm1(-wide)  # share of the way to the estimate
            x = (1 - taken) * x + taken * guess
            if before is not None:
                x = x + (1 - taken / wide) * step / log(before[1] / now) * (guess - before[0])
            if eta:
                x = x + after * (-expm1(-2 * eta * step)) ** 0.5 * noise(now, after)
        else:
            x = guess
        before = (guess, now)
        x = yield Step(number, x, guess)
    return x
