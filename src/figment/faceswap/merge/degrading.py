"""Frames made as poor as the faces that are put into them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.faceswap.merge.median import median

__all__ = ["denoised", "fewer_colours", "softened"]

Frame = NDArray[np.uint8]
"""(H, W, 3) RGB."""


def denoised(frame: Frame, power: int) -> Frame:
    """`frame` after `power` / 100 passes of a median filter; the last, if it is not a whole one, in part."""
    for _ in range(power // 100):
        frame = median(frame)
    if not power % 100:
        return frame
    return np.array(Image.blend(Image.fromarray(frame), Image.fromarray(median(frame)), power % 100 / 100))


def softened(frame: Frame, power: int) -> Frame:
    """`frame` made smaller by `power` percent (at most to 1 %) and as large as before, both bicubic."""
    if not power:
        return frame
    height, width = frame.shape[:2]
    share = max(1 - power / 100, 0.01)
    less = (max(1, round(width * share)), max(1, round(height * share)))
    picture = Image.fromarray(frame).resize(less, Image.Resampling.BICUBIC)
    return np.array(picture.resize((width, height), Image.Resampling.BICUBIC))


def fewer_colours(frame: Frame, power: int) -> Frame:
    """`frame` mixed with `power` percent of a version that has 256 colours."""
    if not power:
        return frame
    picture = Image.fromarray(frame)
    reduced = picture.quantize(256, dither=Image.Dither.NONE).convert("RGB")
    return np.array(Image.blend(picture, reduced, power / 100))
