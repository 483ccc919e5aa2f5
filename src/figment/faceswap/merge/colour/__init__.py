"""Colour transfers: a face takes on the colours of the face that it covers. One file for each; all map
(N, 3) colours, and those wanted, to (N, 3)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from figment.faceswap.merge.colour import idt, lct, mix, mkl, rct, sot
from figment.faceswap.merge.settings import Colour
from figment.faceswap.merge.warp import Pixels

__all__ = ["TRANSFERS", "recoloured"]

TRANSFERS: dict[Colour, Callable[[Pixels, Pixels], Pixels]] = {
    Colour.RCT: rct.transferred,
    Colour.LCT: lct.transferred,
    Colour.MKL: mkl.transferred,
    Colour.IDT: idt.transferred,
    Colour.SOT: sot.transferred,
    Colour.MIX: mix.transferred,
}
SMOOTHED = frozenset({Colour.SOT, Colour.MIX})
"""Those that tear neighbouring pixels apart, so that what they change is smoothed within edges."""
RADIUS, EDGE = 0.04, 0.02
"""How far it is smoothed, as a share of the square's side, and the contrast that counts as an edge."""


def recoloured(colour: Colour, face: Pixels, below: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """`face` (S, S, 3) with colours of `below` (S, S, 3), each only as far as it is `inside` (S, S)."""
    if colour is Colour.NONE or not inside.any():
        return face
    change = np.zeros_like(face)
    change[inside] = TRANSFERS[colour](face[inside], below[inside]) - face[inside]
    if colour in SMOOTHED:
        change = _smoothed(change, face, inside)
    return (face + change).clip(0, 1)


def _smoothed(change: Pixels, guide: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """`change`, smoothed except across edges of `guide`, channel by channel (He, Sun & Tang 2010: guided filter)."""
    weight = inside[..., None].astype(np.float32)
    width = 2 * round(RADIUS * len(change)) + 1

    def mean(values: Pixels) -> Pixels:
        size = (width, width, 1)
        result: Pixels = uniform_filter(values * weight, size) / uniform_filter(weight, size).clip(1e-6)
        return result

    middle, level = mean(guide), mean(change)
    slope = (mean(guide * change) - middle * level) / (mean(guide * guide) - middle**2 + EDGE**2)
    return (mean(slope) * guide + mean(level - slope * middle)) * weight
