"""How lively a picture is from place to place: busy parts hide more of a mark, and drown more of it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["activity", "detail", "luma"]

Plane = NDArray[np.float32]

_REACH = 3  # pixels; the filter is strongest at 1 / (2 * reach) cycles per pixel, in the middle of the mark's band
_BLOCK = 8
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG


def luma(image: NDArray[np.uint8]) -> Plane:
    """Luma (H, W), 0 to 255, of `image` (H, W, 3)."""
    return image.astype(np.float32) @ _LUMA


def detail(plane: Plane) -> Plane:
    """What is left of `plane` (H, W) when each pixel is compared with those 3 pixels up, down, left and right."""
    padded = np.pad(plane, _REACH, mode="reflect")
    middle, far = slice(_REACH, -_REACH), 2 * _REACH
    around = padded[:-far, middle] + padded[far:, middle] + padded[middle, :-far] + padded[middle, far:]
    return plane - np.float32(0.25) * around


def activity(details: Plane) -> Plane:
    """Mean size of `details` (H, W) around each pixel, in levels: over about 24 pixels, changing smoothly."""
    height, width = details.shape
    blocks = np.asarray(Image.fromarray(np.abs(details)).reduce(_BLOCK))
    padded = np.pad(blocks, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    smooth = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9)
    box = (0, 0, width / _BLOCK, height / _BLOCK)
    return np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BILINEAR, box))
