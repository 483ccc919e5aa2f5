"""Faces made sharper, blurred, or smeared along the way that they move."""

import math

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from figment.faceswap.merge.settings import Sharpen
from figment.faceswap.merge.warp import Pixels, sampled

__all__ = ["motion_blurred", "sharpened"]

REACH = 0.006
"""Standard deviation of the Gaussian that a face is compared with, as a share of its side."""
LEAST = 0.8
"""The least standard deviation, in pixels."""
STRENGTH = 3.0
"""How many times what the blurred face lacks is added at full sharpness."""


def sharpened(face: Pixels, kind: Sharpen, amount: int) -> Pixels:
    """`face` (H, W, 3) with more of what a blurred version lacks (unsharp mask); below 0, mixed with that version."""
    if kind is Sharpen.NONE or not amount:
        return face
    sigma = max(LEAST, REACH * max(face.shape))
    if kind is Sharpen.BOX:
        width = 2 * math.ceil(sigma) + 1
        blurred = uniform_filter(face, (width, width, 1), mode="nearest")
    else:
        blurred = gaussian_filter(face, (sigma, sigma, 0), mode="nearest")
    weight = amount / 100 * (STRENGTH if amount > 0 else 1)
    result: Pixels = (face + weight * (face - blurred)).clip(0, 1)
    return result


def motion_blurred(picture: Pixels, way: tuple[float, float], power: int) -> Pixels:
    """`picture` (H, W, C), the mean over `power` percent of the `way` (x, y) in pixels, half before and half behind."""
    across, down = (part * power / 100 for part in way)
    stops = math.ceil(math.hypot(across, down))
    if stops < 1:
        return picture
    padded = np.pad(picture, ((stops, stops), (stops, stops), (0, 0)), mode="edge")
    total = np.zeros_like(picture)
    for share in np.linspace(-0.5, 0.5, stops + 1):
        shift = np.array([[1, 0, stops + share * across], [0, 1, stops + share * down]], np.float32)
        total += sampled(padded, shift, picture.shape[:2])
    return total / np.float32(stops + 1)
