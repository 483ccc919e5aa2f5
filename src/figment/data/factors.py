"""The data set "factors": white shapes on black, of which all that they differ in is known.

Like dSprites (Matthey et al. 2017), drawn here: 3 shapes x 6 sizes x 40 turns x 32 x 32 places, 737,280 pictures, by
which it is measured whether a code keeps such factors apart.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.dataset import Batch, Dataset, Source, order
from figment.core.errors import InputError

__all__ = ["FACTORS", "Factors"]

FACTORS = {"shape": 3, "size": 6, "turn": 40, "x": 32, "y": 32}
"""How many values each factor has."""
SHAPES = ("square", "ellipse", "heart")
LARGEST, MARGIN = 0.24, 0.27
"""Half of the extent of the largest shape, and how near its middle comes to a border; shares of the picture."""
COUNTS = tuple(FACTORS.values())


class Factors(Dataset):
    """Pictures (1, S, S), black -1 and white 1; `vectors` are the five factors, numbered from 0; labels are shapes."""

    name = "factors"
    classes = SHAPES
    image_shape: tuple[int, int, int]

    def __init__(self, image_size: int = 64, *, held_out: bool = False) -> None:
        """Every tenth picture is held out for testing. Raises InputError for pictures under 16 pixels."""
        if image_size < 16:
            raise InputError(f"Shapes cannot be told apart on {image_size} pixels; at least 16 are needed.")
        self.image_shape = (1, image_size, image_size)
        self.held_out = held_out
        self.sources = (Source("Shapes of known factors, drawn by Figment", "1", "Apache-2.0", len(self)),)

    def __len__(self) -> int:
        whole = int(np.prod(COUNTS))
        return whole // 10 if self.held_out else whole - whole // 10

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        """Batch number `index` in the order of `seed`."""
        numbers = np.array(order(len(self), index, size, seed))
        places = 10 * numbers + 9 if self.held_out else numbers + numbers // 9
        return self.of(np.stack(np.unravel_index(places, COUNTS), axis=1))

    def of(self, factors: NDArray[np.int64]) -> Batch:
        """The pictures of `factors` (N, 5), each a number below that of its factor in `FACTORS`."""
        images = np.stack([_drawn(row, self.image_shape[1]) for row in factors])
        values = torch.from_numpy(np.ascontiguousarray(factors))
        return Batch(torch.from_numpy(images)[:, None], labels=values[:, 0].long(), vectors=values.float())


def _drawn(factors: NDArray[np.int64], side: int) -> NDArray[np.float32]:
    """One picture (side, side)."""
    shape, size, turn, column, row = (int(value) for value in factors)
    extent = LARGEST * (0.5 + 0.5 * size / (COUNTS[1] - 1))
    reach = 1 - 2 * MARGIN
    middle_x, middle_y = (0.5 + reach * (place / (COUNTS[3] - 1) - 0.5) for place in (column, row))
    grid = (np.arange(side) + 0.5) / side
    across, down = (grid[None, :] - middle_x) / extent, (grid[:, None] - middle_y) / extent
    angle = 2 * np.pi * turn / COUNTS[2]
    x = np.cos(angle) * across + np.sin(angle) * down
    y = np.cos(angle) * down - np.sin(angle) * across
    return np.where(_inside(SHAPES[shape], x, y), 1, -1).astype(np.float32)


def _inside(shape: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points belong to a shape that reaches to about 1 from the middle."""
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) <= 0.7
    if shape == "ellipse":
        return x**2 + (2 * y) ** 2 <= 1
    # The heart curve, upright: (x^2 + y^2 - 1)^3 = x^2 y^3.
    u, v = 1.3 * x, -1.3 * y
    return (u**2 + v**2 - 1) ** 3 - u**2 * v**3 <= 0
