"""What a scene is: one to three sprites on a ground."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["SIDES", "WHITE", "Ground", "Placed", "Position", "Relation", "Scene", "position", "relation"]

Position = Literal["centre", "left", "right", "top", "bottom", "top left", "top right", "bottom left", "bottom right"]
Relation = Literal["left", "right", "above", "below"]

SIDES: Mapping[Position, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
}
"""Direction of every place but the centre: x to the right, y down."""
NAMES = {direction: name for name, direction in SIDES.items()}


@dataclass(frozen=True)
class Placed:
    """A sprite in a scene."""

    sprite: int
    """Number in `SpritePack.sprites`."""
    concept: int
    """Number in `SpritePack.concepts`."""
    x: float
    y: float
    """Centre, as fractions of the picture from its top left corner."""
    size: float
    """Side of the sprite's square, as a fraction of the picture."""
    colour: str | None = None
    """Name of the colour it is tinted with, or None for its own colours."""


@dataclass(frozen=True)
class Ground:
    """A plain colour, or a gradient from top to bottom when there is a second one."""

    colour: str
    second: str | None = None


WHITE = Ground("white")
"""The ground of which captions say nothing."""


@dataclass(frozen=True)
class Scene:
    """Sprites of one style on a ground."""

    objects: tuple[Placed, ...]
    ground: Ground
    style: str


def position(placed: Placed) -> Position:
    """Where an object is, in words."""
    column = (placed.x > 0.6) - (placed.x < 0.4)
    row = (placed.y > 0.6) - (placed.y < 0.4)
    return NAMES.get((column, row), "centre")


def relation(first: Placed, second: Placed) -> Relation:
    """Where `first` is as seen from `second`, along the axis on which they are farther apart."""
    if abs(first.x - second.x) >= abs(first.y - second.y):
        return "left" if first.x < second.x else "right"
    return "above" if first.y < second.y else "below"
