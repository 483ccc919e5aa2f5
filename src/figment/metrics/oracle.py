"""What a composed scene shows, read from its pixels: the ground, and where the objects are.

It knows how scenes are laid out, so a sprite of several parts counts once: one object anywhere, two or three in a row
or one above the other, or three in a triangle. No network is involved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figment.metrics.colours import Palette, fit_ground, ground_names, object_colour
from figment.metrics.components import components
from figment.pixels.resizing import resize

__all__ = ["Found", "Sight", "cut_out", "look"]

CONTRAST = 20
"""Levels, of 255, by which a channel must differ from the ground to be part of an object."""
SPECK = 0.001
"""Share of the picture below which a part is noise."""
CUT_OUT_FILL = 0.85
"""Share of a cut-out's side that the object takes."""
REACH = 0.16
"""How far, in either direction, an object may be from the middle of its place, as a fraction of the picture."""
EXCESS = 0.06
"""How much larger than its place an object may be."""
LEAST = 0.4
"""Share of its place's side that an object has at least; the dot of an exclamation mark is no object."""


@dataclass(frozen=True)
class Layout:
    """Middles of the places of objects, as fractions of the picture, and the side that an object has at most."""

    spots: tuple[tuple[float, float], ...]
    side: float


LAYOUTS = (
    Layout(((0.25, 0.5), (0.75, 0.5)), 0.46),
    Layout(((0.5, 0.25), (0.5, 0.75)), 0.46),
    Layout(((1 / 6, 0.5), (0.5, 0.5), (5 / 6, 0.5)), 0.3),
    Layout(((0.5, 1 / 6), (0.5, 0.5), (0.5, 5 / 6)), 0.3),
    Layout(((0.5, 0.26), (0.26, 0.74), (0.74, 0.74)), 0.44),
    Layout(((0.5, 0.74), (0.26, 0.26), (0.74, 0.26)), 0.44),
)


@dataclass(frozen=True, eq=False)
class Found:
    """An object in a picture of H by W pixels."""

    mask: NDArray[np.bool_]
    """(H, W), true on the object."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels; right and bottom are the first pixels outside."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, as fractions of the picture from its top left corner."""
        left, top, right, bottom = self.box
        height, width = self.mask.shape
        return (left + right) / 2 / width, (top + bottom) / 2 / height

    @property
    def side(self) -> float:
        """The longer side of the box, as a fraction of the picture."""
        left, top, right, bottom = self.box
        height, width = self.mask.shape
        return float(max((right - left) / width, (bottom - top) / height))


@dataclass(frozen=True, eq=False)
class Sight:
    """What was seen in a picture."""

    image: NDArray[np.uint8]
    """(H, W, 3) sRGB."""
    palette: Palette
    ground: tuple[str, str]
    """Names of the ground's colours at the top and the bottom; twice the same when it is plain."""
    objects: tuple[Found, ...]

    def colour(self, found: Found) -> str:
        """Name of the colour that an object is painted in; its rim, where the ground shines through, is left out."""
        inner = _eroded(found.mask)
        return object_colour(self.image[inner if inner.any() else found.mask], self.palette)


def look(image: NDArray[np.uint8], palette: Palette) -> Sight:
    """See what `image` (H, W, 3) shows; colours get their names from `palette`."""
    ground = fit_ground(image)
    foreground = np.abs(image - ground[:, None]).max(axis=2) > CONTRAST
    parts = [Found(part) for part in components(foreground) if part.sum() >= SPECK * part.size]
    return Sight(image, palette, ground_names(ground, palette), _objects(parts))


def cut_out(image: NDArray[np.uint8], mask: NDArray[np.bool_], size: int) -> NDArray[np.uint8]:
    """What `image` (H, W, 3) has under `mask` (H, W), not empty: large and alone on white (size, size, 3)."""
    left, top, right, bottom = Found(mask).box
    height, width = bottom - top, right - left
    side = round(max(height, width) / CUT_OUT_FILL)
    alone = np.full((side, side, 3), 255, np.uint8)
    y, x = (side - height) // 2, (side - width) // 2
    inside = mask[top:bottom, left:right, None]
    alone[y : y + height, x : x + width] = np.where(inside, image[top:bottom, left:right], 255)
    return resize(alone, (size, size), "stretch")


def _objects(parts: Sequence[Found]) -> tuple[Found, ...]:
    """The parts as objects, by the layout that they fit best; what fits none is one object."""
    if not parts:
        return ()
    fits = [fit for layout in LAYOUTS if (fit := _fit(parts, layout)) is not None]
    if not fits:
        return (_union(parts),)
    return min(fits, key=lambda fit: fit[0])[1]


def _fit(parts: Sequence[Found], layout: Layout) -> tuple[float, tuple[Found, ...]] | None:
    """How far the objects are from the middles of their places, and the objects; None when they do not fit."""
    spots = np.array(layout.spots)
    middles = np.array([part.centre for part in parts])
    nearest = np.linalg.norm(middles[:, None] - spots, axis=2).argmin(axis=1)
    groups = [[part for part, at in zip(parts, nearest, strict=True) if at == spot] for spot in range(len(spots))]
    if not all(groups):
        return None
    objects = tuple(_union(group) for group in groups)
    off = np.abs(np.array([found.centre for found in objects]) - spots)
    sides = [found.side for found in objects]
    if off.max() > REACH or max(sides) > layout.side + EXCESS or min(sides) < LEAST * layout.side:
        return None
    return float(off.mean()), objects


def _union(parts: Sequence[Found]) -> Found:
    return Found(np.logical_or.reduce([part.mask for part in parts]))


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`mask` without the pixels that have a neighbour outside of it."""
    padded = np.pad(mask, 1)
    return padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
