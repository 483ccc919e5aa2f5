"""The one picture range inside the package: files hold bytes from 0 to 255, networks hold floats from -1 to 1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["from_signed", "to_signed"]


def to_signed(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Float32 (C, H, W) in [-1, 1] of the picture `image`, uint8 (H, W, C)."""
    channels_first = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    return channels_first / np.float32(127.5) - np.float32(1)


def from_signed(signed: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Picture uint8 (H, W, C) of `signed`, finite floats (C, H, W); what lies outside [-1, 1] is clipped.

    Undoes `to_signed` exactly.
    """
    levels = np.rint((signed.astype(np.float32) + np.float32(1)) * np.float32(127.5))
    return np.ascontiguousarray(np.clip(levels, 0, 255).astype(np.uint8).transpose(1, 2, 0))
