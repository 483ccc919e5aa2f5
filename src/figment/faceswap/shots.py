"""Shots: where a clip is cut from one view to another, told by how its pictures change."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["SIGN", "cuts", "sign"]

SIGN = (3, 8, 8)
"""Shape of what is kept of a picture: the means of 8 x 8 parts, in three channels."""
LEAST = 16.0
"""Mean change of a part, in levels, below which nothing is a cut."""
SUDDEN = 3.0
"""How many times more a cut changes than the picture does around it; fast motion changes many pictures in a row."""
AROUND = 4
"""Changes looked at on each side of one."""


def sign(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(3, 8, 8) uint8: the means of the parts of a picture (H, W, 3)."""
    small = Image.fromarray(frame).resize(SIGN[1:], Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def cuts(signs: NDArray[np.uint8]) -> list[int]:
    """Numbers of the pictures, of signs (N, 3, 8, 8), with which a shot begins; the first is 0.

    A cut is a change of `LEAST` or more that is `SUDDEN` times the mean of the changes around it.
    """
    changes = np.abs(np.diff(signs.astype(np.float32), axis=0)).mean((1, 2, 3))
    return [0, *(number + 1 for number in range(len(changes)) if _is_cut(changes, number))] if len(signs) else []


def _is_cut(changes: NDArray[np.float32], number: int) -> bool:
    around = np.concatenate([changes[max(0, number - AROUND) : number], changes[number + 1 : number + 1 + AROUND]])
    usual = float(around.mean()) if len(around) else 0.0
    return bool(changes[number] >= LEAST and changes[number] >= SUDDEN * usual)
