"""Sampling along the straight paths of flow matching: x_t = (1 - t) x_0 + t noise, dx/dt = v (Lipman et al. 2023)."""

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["integrate", "noised", "schedule", "shifted"]

Time = TypeVar("Time", float, Tensor)


def shifted(time: Time, shift: float) -> Time:
    """`time` in [0, 1] moved towards noise by a `shift` over 1 (Esser et al. 2024, eq. 23)."""
    return shift * time / (1 + (shift - 1) * time)


def schedule(steps: int, shift: float = 1.0, start: float = 1.0) -> list[float]:
    """`steps` + 1 times from `start` down to 0, denser near noise for a `shift` over 1 (Esser et al. 2024, eq. 23)."""
    return [shifted(start * (1 - step / steps), shift) for step in range(steps + 1)]


def integrate(
    velocity: Callable[[Tensor, float], Tensor], x: Tensor, times: list[float]
) -> Generator[tuple[int, Tensor, Tensor], Tensor | None, Tensor]:
    """Carry `x` from times[0] to times[-1] with one evaluation a step (Adams-Bashforth 2 on an uneven grid).

    Yields (step, x, estimate of x_0) after each step; a tensor sent back replaces x, which is how inpainting
    holds the known part. Returns the last x. Second order; the first step is Euler's, as is one after a step of no
    length, which a start at time 0 brings.
    """
    before: tuple[float, Tensor] | None = None
    for step, (now, after) in enumerate(pairwise(times), start=1):
        v = velocity(x, now)
        guess = x - now * v
        size = after - now
        slope = v if before is None or not before[0] else v + (size / (2 * before[0])) * (v - before[1])
        x = x + size * slope
        before = (size, v)
        replaced = yield step, x, guess
        x = x if replaced is None else replaced
    return x


def noised(clean: Tensor, noise: Tensor, time: float) -> Tensor:
    """x_t of a clean picture or latent."""
    return torch.lerp(clean, noise, time)
