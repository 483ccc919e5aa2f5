"""A workspace with few small drawn faces of two colours, and a network that learns them in seconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.faceswap.made_faces import POINTS, SIZE, face

from figment.faceswap.model import Shape
from figment.faceswap.training import Training
from figment.faceswap.training_recipes import PRESETS, Recipe, SwapSettings
from figment.faceswap.workspace import Workspace
from figment.training.device import place

SMALL = Shape(size=32, encoder=4, inner=8, decoder=4, mask=2)
RECIPE = replace(PRESETS["figment"], shape=SMALL, low=False)


def drawn(colour: tuple[int, int, int], number: int) -> NDArray[np.uint8]:
    """(SIZE, SIZE, 3): a disc of `colour` with a mouth that opens, by `number`."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    image = np.full((SIZE, SIZE, 3), 40, np.uint8)
    image[(x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.2] = colour
    image[(abs(x - 0.5) < 0.15) & (abs(y - 0.77) < 0.01 * (number % 6))] = 0
    return image


def workspace(root: Path, count: int = 12) -> Workspace:
    """Faces of src are red, those of dst green."""
    made = Workspace(root)
    for side, colour in ((made.src, (200, 60, 60)), (made.dst, (60, 180, 60))):
        for number in range(count):
            shift = np.array([number % 3, number % 2], np.float32)
            moved = face(f"{number:05}_0.png", frame=number, landmarks=POINTS * SIZE + shift)
            side.faceset.add(moved, drawn(colour, number))
    return made


def training(made: Workspace, recipe: Recipe = RECIPE, **settings: object) -> Training:
    """A sitting in `made`."""
    return Training(made, SwapSettings(**{"iterations": 30, "batch": 2, **settings}), recipe, place())  # type: ignore[arg-type]  # checked by the settings
