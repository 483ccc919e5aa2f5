"""Faces turned, moved and bent for training: the network sees a bent face and draws it straight.

The bend is a coarse grid whose inner nodes are shifted at random; what lies between follows smoothly. What should be
drawn is turned and moved alike, but not bent. Ranges are DeepFaceLab's.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

__all__ = ["bend", "cut", "placed"]

TURN = 10.0
"""Most degrees to either side."""
SCALE = (0.952, 1.05)
SHIFT = 0.05
"""Most, as a share of the picture."""
CELLS = (2, 4, 8)
"""How many cells a bent grid has along a side."""
BEND = 0.24
"""Most that a node is shifted, as a share of its cell."""
TAIL = 2.5
"""A shift is this many standard deviations at most."""


def placed(rng: np.random.Generator, strength: float = 1.0) -> NDArray[np.float32]:
    """(2, 3): a random turn, scale and shift of the square of -1 to 1, of the ranges above times `strength`."""
    angle = np.radians(strength * rng.uniform(-TURN, TURN))
    scale = 1 + strength * (rng.uniform(*SCALE) - 1)
    x, y = 2 * strength * rng.uniform(-SHIFT, SHIFT, 2)
    across, down = np.cos(angle) / scale, np.sin(angle) / scale
    return np.array([[across, -down, x], [down, across, y]], np.float32)


def bend(rng: np.random.Generator, size: int, strength: float = 1.0) -> Tensor:
    """(size, size, 2): how far each pixel (x, y) is shifted, in the square of -1 to 1; 0 along the edge."""
    cells = int(rng.choice(CELLS))
    nodes = np.zeros((1, 2, cells + 1, cells + 1), np.float32)
    nodes[..., 1:-1, 1:-1] = _bounded(rng, (1, 2, cells - 1, cells - 1)) * BEND * strength * 2 / cells
    smooth = interpolate(torch.from_numpy(nodes), (size, size), mode="bicubic", align_corners=True)
    return smooth[0].permute(1, 2, 0)


def cut(planes: Tensor, places: Tensor, bends: Tensor | None, size: int) -> Tensor:
    """(B, C, size, size) of `planes` (B, C, H, W), turned by `places` (B, 2, 3), bent by (B, size, size, 2).

    Beyond the edge the planes go on as mirrored.
    """
    grid = torch.nn.functional.affine_grid(places, [len(planes), 1, size, size], align_corners=False)
    if bends is not None:
        grid = grid + bends @ places[:, :, :2].transpose(1, 2)[:, None]
    return grid_sample(planes, grid, padding_mode="reflection", align_corners=False)


def _bounded(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal numbers without those beyond TAIL, divided by it: from -1 to 1."""
    values = rng.normal(size=shape)
    while (far := np.abs(values) > TAIL).any():
        values[far] = rng.normal(size=int(far.sum()))
    bounded: NDArray[np.float64] = values / TAIL
    return bounded
