"""The seam: how much colours differ from one side of the mask's edge to the other, as the eye sees it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from figment.faceswap.merge.colour.lab import to_lab

__all__ = ["ciede2000", "seam"]

Colours = NDArray[np.floating[Any]]
"""(N, 3) of L*a*b*."""
REACH = 0.03
"""Standard deviation of the Gaussian over which colours of either side are averaged, in shares of the picture."""
INSIDE = 0.5
"""What the mask has to reach for a pixel to lie inside."""


def seam(face: NDArray[np.uint8], mask: NDArray[np.float32]) -> float:
    """CIEDE2000 between both sides of the edge of `mask` (S, S), averaged along it, of an aligned `face` (S, S, 3).

    For each pixel on the edge the colours near it are averaged inside and outside apart. Faces have such a difference
    of themselves; it says most beside that of the frame before the swap. NaN where the mask has no edge.
    """
    inside = mask >= INSIDE
    edge = binary_dilation(inside) & ~binary_erosion(inside, border_value=1)
    if not edge.any():
        return float("nan")
    lab = to_lab((face.reshape(-1, 3) / 255).astype(np.float32)).reshape(face.shape)
    within, without = (_averaged(lab, part, REACH * len(face))[edge] for part in (inside, ~inside))
    return float(ciede2000(within, without).mean())


def _averaged(lab: NDArray[np.float32], part: NDArray[np.bool_], reach: float) -> NDArray[np.float64]:
    """(S, S, 3): around each pixel, the mean colour of those that belong to `part`."""
    weights = gaussian_filter(part.astype(np.float64), reach)
    sums = [gaussian_filter(np.where(part, plane, 0).astype(np.float64), reach) for plane in np.moveaxis(lab, 2, 0)]
    mean: NDArray[np.float64] = np.stack(sums, 2) / np.maximum(weights, 1e-12)[..., None]
    return mean


def ciede2000(first: Colours, second: Colours) -> NDArray[np.float64]:
    """(N,): difference of colours (Sharma, Wu & Dalal 2005, equations 2 to 22; all weights 1); 1 is just seen."""
    light_1, a_1, b_1 = np.asarray(first, np.float64).T
    light_2, a_2, b_2 = np.asarray(second, np.float64).T
    stretch = 1 + 0.5 * (1 - _saturated((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2))
    chroma_1, chroma_2 = np.hypot(stretch * a_1, b_1), np.hypot(stretch * a_2, b_2)
    hue_1, hue_2 = (np.arctan2(b, stretch * a) % (2 * np.pi) for a, b in ((a_1, b_1), (a_2, b_2)))
    grey = chroma_1 * chroma_2 == 0
    turn = np.where(grey, 0, (hue_2 - hue_1 + np.pi) % (2 * np.pi) - np.pi)
    hue = np.where(grey, hue_1 + hue_2, (hue_1 + turn / 2) % (2 * np.pi))
    light, chroma = (light_1 + light_2) / 2, (chroma_1 + chroma_2) / 2
    by_light = (light_2 - light_1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    by_chroma = (chroma_2 - chroma_1) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(turn / 2) / (1 + 0.015 * chroma * _tinted(hue))
    blue = np.radians(60) * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2))
    crossed = -2 * _saturated(chroma) * np.sin(blue) * by_chroma * by_hue
    total: NDArray[np.float64] = by_light**2 + by_chroma**2 + by_hue**2 + crossed
    return np.sqrt(np.maximum(total, 0))


def _saturated(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    return share


def _tinted(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    """T of equation 15, of hues in radians."""
    first = 1 - 0.17 * np.cos(hue - np.radians(30)) + 0.24 * np.cos(2 * hue)
    tint: NDArray[np.float64] = first + 0.32 * np.cos(3 * hue + np.radians(6)) - 0.2 * np.cos(4 * hue - np.radians(63))
    return tint
