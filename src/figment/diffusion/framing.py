"""Pictures brought to the size that is drawn, and the part around a mask, by the pixel counts of AUTOMATIC1111."""

import numpy as np
from numpy.typing import NDArray

from figment.pixels.resizing import Fit, resize

__all__ = ["around", "fitted"]

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def fitted(picture: Pixels, size: tuple[int, int], how: Fit) -> Pixels:
    """`picture` (H, W, 3), or a mask (H, W), as `size` (height, width).

    "stretch" ignores proportions, "cover" cuts evenly what is too long, "contain" draws the edges out over what is
    left.
    """
    if how == "stretch":
        return _resized(picture, size)
    height, width = size
    high, wide = picture.shape[:2]
    if (wide * height > high * width) == (how == "cover"):
        small = _resized(picture, (height, max(1, wide * height // high)))
    else:
        small = _resized(picture, (max(1, high * width // wide), width))
    for axis, length in enumerate(size):
        small = _centred(small, axis, length)
    return small


def around(mask: Pixels, padding: int, size: tuple[int, int]) -> Box:
    """The box around what is not black in `mask`, which must be some; widened by `padding`, then to the proportions of
    `size` (height, width) as far as the mask reaches."""
    high, wide = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom = max(0, int(rows[0]) - padding), min(high, int(rows[-1]) + 1 + padding)
    left, right = max(0, int(columns[0]) - padding), min(wide, int(columns[-1]) + 1 + padding)
    ratio = size[1] / size[0]
    if right - left > (bottom - top) * ratio:
        top, bottom = _widened(top, bottom, int((right - left) / ratio), high)
    else:
        left, right = _widened(left, right, int((bottom - top) * ratio), wide)
    return left, top, right, bottom


def _widened(low: int, high: int, length: int, most: int) -> tuple[int, int]:
    """An interval of `length` around [low, high), moved to lie inside [0, most)."""
    length = min(max(length, high - low), most)
    start = low - (length - (high - low)) // 2
    start = max(0, min(start, most - length))
    return start, start + length


def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    return resize(picture, size, "stretch")


def _centred(picture: Pixels, axis: int, length: int) -> Pixels:
    """`picture` cut or drawn out to `length` along `axis`, its middle kept."""
    side = picture.shape[axis]
    before = length // 2 - side // 2
    if before < 0 or length < side:
        return picture.take(range(-before, length - before), axis=axis)
    gaps = [(0, 0)] * picture.ndim
    gaps[axis] = (before, length - side - before)
    return np.pad(picture, gaps, mode="edge")
