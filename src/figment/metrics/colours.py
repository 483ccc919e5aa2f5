"""Names of the colours in a picture: of the ground behind everything, and of an object painted in one colour."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["Palette", "fit_ground", "ground_names", "object_colour"]

Palette = Mapping[str, tuple[int, int, int]]
"""sRGB, 0 to 255, of every colour that has a name."""

FRAME = 2
"""Pixels along the left and right edges in which the ground is looked for."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
LUMA_WEIGHT = 0.25
"""Weight of the mean luminance beside the hue; it tells brown from orange, and black from grey."""


def fit_ground(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The ground (H, 3) of every row of `image` (H, W, 3), 0 to 255: a straight line through the edge pixels.

    Rows where an object reaches the edge are left out by three rounds of trimming.
    """
    edges = np.concatenate([image[:, :FRAME], image[:, -FRAME:]], axis=1)
    seen = np.median(edges, axis=1)
    line = np.column_stack([np.ones(len(image)), np.linspace(0, 1, len(image))])
    kept = np.ones(len(image), dtype=bool)
    ground = seen
    for _ in range(3):
        ground = line @ np.linalg.lstsq(line[kept], seen[kept], rcond=None)[0]
        errors = np.abs(ground - seen).max(axis=1)
        kept = errors <= max(8.0, 2 * float(np.median(errors)))
    return np.asarray(np.clip(ground, 0, 255), dtype=np.float32)


def ground_names(ground: NDArray[np.float32], palette: Palette) -> tuple[str, str]:
    """Names of the colours at the top and the bottom of a ground (H, 3); they are one and the same when it is plain."""
    return _nearest(ground[0], palette), _nearest(ground[-1], palette)


def object_colour(pixels: NDArray[np.uint8], palette: Palette) -> str:
    """The named colour in whose shades `pixels` (N, 3) are painted.

    Shades run from black over the colour to white. The name is the one whose shade of the same luminance is nearest
    to the pixels on average, and whose own luminance is near the mean.
    """
    rgb = pixels.astype(np.float32) / 255
    luma = rgb @ LUMA

    def misfit(name: str) -> float:
        colour = np.array(palette[name], dtype=np.float32) / 255
        level = float(colour @ LUMA)
        dark = colour * (luma / max(level, 1e-3))[:, None]
        light = 1 - (1 - colour) * ((1 - luma) / max(1 - level, 1e-3))[:, None]
        shades = np.where((luma < level)[:, None], dark, light)
        off = float(np.linalg.norm(rgb - shades, axis=1).mean())
        return off + LUMA_WEIGHT * abs(float(luma.mean()) - level)

    return min(palette, key=misfit)


def _nearest(colour: NDArray[np.float32], palette: Palette) -> str:
    return min(palette, key=lambda name: float(np.linalg.norm(colour - np.array(palette[name]))))
