"""DDIM CFG++ (Chung et al. 2024, algorithm 2): guidance leads the estimate, and noise is put back without it."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "DDIM CFG++"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """First order, one evaluation a step.

    The noise comes from `denoise.unconditional`, the estimate without the prompt, where the denoiser tells it; without,
    this is DDIM. Guidance should stay between that estimate, 0, and the one with the prompt, 1 (section 3.2):
    AUTOMATIC1111 divides its scale by 12.5.
    """
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        unguided = getattr(denoise, "unconditional", None)
        x = guess + (after / now) * (x - (guess if unguided is None else unguided))
        x = yield Step(number, x, guess)
    return x
