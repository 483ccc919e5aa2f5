"""Pseudo linear multistep (PNDM, Liu et al. 2022): DDIM's step with the noise estimate of Adams and Bashforth."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "PLMS"
WEIGHTS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Of the latest noise estimates, the newest first (eq. 12); they hold for even steps."""


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """One evaluation a step, but for the first, which takes two."""
    found: deque[Tensor] = deque(maxlen=4)
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        found.appendleft((x - guess) / now)
        estimate = sum(weight * one for weight, one in zip(WEIGHTS[len(found) - 1], found, strict=True))
        if number == 1 and after:
            ahead = x + (after - now) * found[0]
            estimate = (found[0] + (ahead - denoise(ahead, after)) / after) / 2
        x = x + (after - now) * estimate
        x = yield Step(number, x, guess)
    return x
