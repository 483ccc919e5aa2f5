"""UniPC (Zhao et al. 2023): a multistep predictor, and a corrector that costs no evaluation of its own.

Both join the latest estimates by a polynomial in lambda = -log(sigma). This is the variant B(h) = h ("bh1"), which is
AUTOMATIC1111's: where one change of the estimate is known it weighs B(h) / 2, where more are, B(h) cancels out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import expm1, factorial, log

import numpy as np
from torch import Tensor

from figment.nn.samplers import Denoise, Noise, Path, Step

LABEL = "UniPC"
ORDER = 3


@dataclass(frozen=True, eq=False)
class _Move:
    """A step that has been made, so that it can be made again when more is known."""

    x: Tensor
    now: float
    after: float
    estimates: tuple[tuple[Tensor, float], ...]
    """Estimates and their sigmas, the newest first."""

    def made(self, landing: Tensor | None = None) -> Tensor:
        """Where the step leads; with the estimate at its end, `landing`, it is corrected (section 3)."""
        step = log(self.now / self.after)
        newest, _ = self.estimates[0]
        places = [log(self.now / sigma) / step for _, sigma in self.estimates[1:]]
        changes = [(estimate - newest) / place for (estimate, _), place in zip(self.estimates[1:], places, strict=True)]
        if landing is not None:
            places, changes = [*places, 1.0], [*changes, landing - newest]
        out = (self.after / self.now) * self.x - expm1(-step) * newest
        for weight, change in zip(_weights(places, step), changes, strict=True):
            out = out + weight * change
        return out


def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
    """One evaluation a step, of third order at most; the first and last steps are of lower order, the last of first.

    A correction is added to what was sent back.
    """
    estimates: tuple[tuple[Tensor, float], ...] = ()
    move: _Move | None = None
    landed = x
    for number, (now, after) in enumerate(pairwise(sigmas), start=1):
        guess = denoise(x, now)
        if move is not None:
            x = x + move.made(guess) - landed
        estimates = ((guess, now), *estimates)[:ORDER]
        move = _Move(x, now, after, estimates[: len(sigmas) - number]) if after else None
        landed = guess if move is None else move.made()
        x = yield Step(number, landed, guess)
    return x


def _weights(places: Sequence[float], step: float) -> list[float]:
    """Weights with which changes at `places`, in steps, stand for a polynomial's integral against the exponential."""
    if len(places) < 2:
        return [step / 2 for _ in places]
    wanted, integral = [], expm1(-step) / step + 1
    for power in range(1, len(places) + 1):
        wanted.append(integral * factorial(power))
        integral = 1 / factorial(power + 1) - integral / step
    powers = np.vander(places, increasing=True).T
    return [float(weight) for weight in np.linalg.solve(powers, wanted)]
