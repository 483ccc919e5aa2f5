"""Draw a pixel from what a network said of it (see `pixel_likelihood`), in compiled code."""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from figment.nn.pixel_likelihood import COMPONENTS, LEAST_LOG_SCALE, Likelihood

__all__ = ["CODES", "chances", "draw"]

CODES: dict[Likelihood, int] = {"binary": 0, "softmax": 1, "mixture": 2}
"""Likelihoods by number, as compiled code takes them."""


def chances(channels: int) -> int:
    """Uniform numbers that the draw of one pixel takes."""
    return 1 + channels


@njit(cache=True, nogil=True)
def draw(kind: int, said: NDArray[np.float32], chance: NDArray[np.float32], pixel: NDArray[np.float32]) -> None:
    """Fill `pixel` (C,) with 8-bit values in [-1, 1] from `said` (K,) by the uniform numbers `chance` (1 + C,)."""
    if kind == 0:
        white = 1.0 / (1.0 + math.exp(-said[0]))
        pixel[0] = 1.0 if chance[0] < white else -1.0
    elif kind == 1:
        pixel[0] = _level(_chosen(said, 0, 1, said.shape[0], chance[0]))
    else:
        _draw_mixture(said, chance, pixel)


@njit(cache=True, nogil=True)
def _draw_mixture(said: NDArray[np.float32], chance: NDArray[np.float32], pixel: NDArray[np.float32]) -> None:
    channels = pixel.shape[0]
    size = said.shape[0] // COMPONENTS
    start = size * _chosen(said, 0, size, COMPONENTS, chance[0])
    pair = start + 1 + 2 * channels
    for channel in range(channels):
        mean = said[start + 1 + channel]
        for earlier in range(channel):
            mean += math.tanh(said[pair]) * pixel[earlier]
            pair += 1
        scale = math.exp(max(said[start + 1 + channels + channel], LEAST_LOG_SCALE))
        share = min(max(chance[1 + channel], 1e-7), 1 - 1e-7)
        value = mean + scale * (math.log(share) - math.log(1.0 - share))
        pixel[channel] = _level(round((min(max(value, -1.0), 1.0) + 1.0) * 127.5))


@njit(cache=True, nogil=True)
def _chosen(said: NDArray[np.float32], start: int, step: int, count: int, chance: float) -> int:
    """Which of `count` logits, `step` apart from `start` on, the uniform number `chance` falls on."""
    highest = said[start]
    for number in range(1, count):
        highest = max(highest, said[start + number * step])
    total = 0.0
    for number in range(count):
        total += math.exp(said[start + number * step] - highest)
    left = chance * total
    for number in range(count):
        left -= math.exp(said[start + number * step] - highest)
        if left < 0:
            return number
    return count - 1


@njit(cache=True, nogil=True)
def _level(number: Any) -> np.float32:
    """8-bit value `number` in [-1, 1], as `figment.pixels.arrays` has it."""
    return np.float32(np.float32(number) / np.float32(127.5) - np.float32(1.0))
