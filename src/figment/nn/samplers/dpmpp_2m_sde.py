"""SDE-DPM-Solver++(2M) (Lu et al. 2022b, appendix): the same integrator for the stochastic path, midpoint form."""

from collections.abc import Sequence
from itertools import pairwise
from math import expm1, log

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "DPM++ 2M SDE"


def sample(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0, *, integrated: bool = False
) -> Path:
    """One evaluation a step. `eta` scales the noise; at 0 this is DPM++ 2M.

    The estimate is taken at the middle of the step, or its slope is `integrated` exactly, which is called Heun's form.
    """
    before: tuple[Tensor, float] | None = None
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        if after:
            step = log(now / after)
            wide = step * (1 + eta)
            taken = -expm1(-wide)  # share of the way to the estimate
            x = (1 - taken) * x + taken * guess
            if before is not None:
                weight = 1 - taken / wide if integrated else taken / 2
                x = x + weight * step / log(before[1] / now) * (guess - before[0])
            if eta:
                x = x + after * (-expm1(-2 * eta * step)) ** 0.5 * noise(now, after)
        else:
            x = guess
        before = (guess, now)
        x = yield Step(number, x, guess)
    return x
