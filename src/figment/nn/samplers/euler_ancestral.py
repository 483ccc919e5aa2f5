"""Euler with the noise of the posterior: the ancestral sampling of DDPM (Ho et al. 2020) on any schedule."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step
from figment.nn.samplers.ancestral import split

LABEL = "Euler a"


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, eta: float = 1.0) -> Path:
    """One evaluation a step; never settles, since every step adds noise. `eta` scales it; at 0 this is Euler."""
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        down, fresh = split(now, after, eta)
        x = x + (down - now) * (x - guess) / now
        if fresh:
            x = x + fresh * noise(now, after)
        x = yield Step(number, x, guess)
    return x
