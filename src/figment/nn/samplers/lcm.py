"""Consistency sampling (Song et al. 2023; latent consistency models, Luo et al. 2023): estimate, and noise it again."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "LCM"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """For networks distilled to say a picture at once, in 1 to 8 steps; others come out too smooth."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        x = guess + after * noise(now, after) if after else guess
        x = yield Step(number, x, guess)
    return x
