"""Linear multistep (Adams-Bashforth over uneven steps): a polynomial through the last four slopes."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "LMS"
MOST = 4
"""Slopes that are remembered."""


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """One evaluation a step; the first steps are of lower order, since there is nothing to remember yet."""
    slopes: deque[Tensor] = deque(maxlen=MOST)
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        slopes.appendleft((x - guess) / now)
        places = [sigmas[number - 1 - back] for back in range(len(slopes))]
        for weight, slope in zip(weights(places, now, after), slopes, strict=True):
            x = x + weight * slope
        x = yield Step(number, x, guess)
    return x


def weights(places: Sequence[float], start: float, end: float) -> list[float]:
    """Integrals from `start` to `end` of the Lagrange polynomials that are 1 at one of `places` and 0 at the others."""
    nodes, shares = np.polynomial.legendre.leggauss(MOST)  # exact up to degree 7
    points = (end + start) / 2 + (end - start) / 2 * nodes
    found = []
    for here in places:
        values = np.prod([(points - other) / (here - other) for other in places if other != here], axis=0)
        found.append(float((end - start) / 2 * (shares * values).sum()))
    return found
