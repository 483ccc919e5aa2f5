"""Normal numbers as an NVIDIA GPU draws them, on any machine: pictures published with "RNG: GPU" can be made again.

Philox 4x32 with ten rounds (Salmon et al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3), and the polar method of
Box and Muller on the first two of its four words, as cuRAND does it for one number a thread.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Philox"]

Words = NDArray[np.uint64]

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
ROUNDS = 10
UNIT = 2.0**-32


class Philox:
    """A generator seeded with 64 bits; every call of `randn` draws fresh numbers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed % 2**64
        self.calls = 0

    def randn(self, *shape: int) -> Tensor:
        """Standard normal float32 numbers of `shape`."""
        count = int(np.prod(shape))
        number = np.arange(count, dtype=np.uint64)
        counter = [np.full(count, self.calls, np.uint64), np.zeros_like(number), number & LOW, number >> np.uint64(32)]
        self.calls += 1
        first, second = _mixed(counter, (self.seed & 0xFFFFFFFF, self.seed >> 32))[:2]
        radius = np.sqrt(-2 * np.log(first * UNIT + UNIT / 2))
        normal = radius * np.sin((second * UNIT + UNIT / 2) * 2 * np.pi)
        return torch.from_numpy(normal.astype(np.float32)).view(shape)


def _mixed(counter: list[Words], key: tuple[int, int]) -> list[Words]:
    """Four random 32-bit words for each counter of four words."""
    for number in range(ROUNDS):
        keys = [np.uint64((part + number * weyl) & 0xFFFFFFFF) for part, weyl in zip(key, WEYL, strict=True)]
        left, right = (counter[2 * half] * np.uint64(MULTIPLIERS[half]) for half in range(2))
        upper = [word >> np.uint64(32) for word in (right, left)]
        counter = [upper[0] ^ counter[1] ^ keys[0], right & LOW, upper[1] ^ counter[3] ^ keys[1], left & LOW]
    return counter
