"""A scene as pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.data.palette import COLOURS, tint
from figment.data.scene import Ground, Placed, Scene
from figment.data.sprite_pack import SpritePack

__all__ = ["Box", "Rendered", "composite", "render"]

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are the first pixels outside."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """A scene of H by W pixels with exact annotations."""

    image: NDArray[np.uint8]
    """(H, W, 3) sRGB."""
    masks: tuple[NDArray[np.uint8], ...]
    """(H, W) for every object: its alpha, 0 to 255."""
    boxes: tuple[Box, ...]
    """The smallest box around each mask."""


def render(scene: Scene, pack: SpritePack, size: int) -> Rendered:
    """`scene` at `size` by `size` pixels."""
    image = _ground(scene.ground, size)
    masks, boxes = [], []
    for placed in scene.objects:
        sprite, left, top = _scaled(placed, pack, size)
        composite(image, sprite, left, top)
        mask = np.zeros((size, size), np.uint8)
        mask[top : top + len(sprite), left : left + len(sprite)] = sprite[..., 3]
        masks.append(mask)
        boxes.append(_box(mask))
    return Rendered(image, tuple(masks), tuple(boxes))


def composite(image: NDArray[np.uint8], sprite: NDArray[np.uint8], left: int, top: int) -> None:
    """Lay `sprite` (h, w, 4) over `image` (H, W, 3), in place, with its corner at (left, top)."""
    region = image[top : top + sprite.shape[0], left : left + sprite.shape[1]]
    alpha = sprite[..., 3:].astype(np.uint16)
    # Fits 16 bits: 255 * 255 + 127 < 65536.
    region[:] = (sprite[..., :3] * alpha + region * (255 - alpha) + 127) // 255


def _ground(ground: Ground, size: int) -> NDArray[np.uint8]:
    first = np.array(COLOURS[ground.colour].rgb, dtype=np.uint8)
    image = np.empty((size, size, 3), np.uint8)
    if ground.second is None:
        image[:] = first
    else:
        image[:] = np.rint(np.linspace(first, COLOURS[ground.second].rgb, size)).astype(np.uint8)[:, None]
    return image


def _scaled(placed: Placed, pack: SpritePack, size: int) -> tuple[NDArray[np.uint8], int, int]:
    """The sprite in its colour and size, and the column and row of its top left corner."""
    side = max(1, round(placed.size * size))
    # Pillow resamples RGBA with premultiplied alpha, so that no dark fringe appears.
    filter_ = Image.Resampling.HAMMING if side <= pack.size else Image.Resampling.BICUBIC
    sprite = np.asarray(Image.fromarray(pack.rgba(placed.sprite)).resize((side, side), filter_))
    if placed.colour is not None:
        sprite = tint(sprite, placed.colour)
    left, top = (min(max(round(centre * size - side / 2), 0), size - side) for centre in (placed.x, placed.y))
    return sprite, left, top


def _box(mask: NDArray[np.uint8]) -> Box:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0, 0, 0, 0)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
