"""Colour transfers: a face takes on the colours of the face that it covers. One file for each; all map
(N, 3) colours, and those wanted, to (N, 3)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from figment.faceswap.merge.colour import idt, lct, mix, mkl, rct, sot
from figment.faceswap.merge.settings import Colour
from figment.faceswap.merge.warp import Pixels, sampled

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
ENOUGH = 96
"""Of a face more pixels wide, only every second, third ... pixel is looked at for a change that is smoothed."""


def recoloured(colour: Colour, face: Pixels, below: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """`face` (S, S, 3) with colours of `below` (S, S, 3), each only as far as it is `inside` (S, S)."""
    if colour is Colour.NONE or not inside.any():
        return face
    if colour in SMOOTHED:
        return _smoothly(colour, face, below, inside)
    result = face.copy()
    result[inside] = TRANSFERS[colour](face[inside], below[inside]).clip(0, 1)
    return result


def _smoothly(colour: Colour, face: Pixels, below: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """`recoloured`, the change smoothed except across edges of the face, channel by channel.

    He, Sun & Tang 2010: the guided filter; its lines found on fewer pixels, as in He & Sun 2015: the fast one.
    """
    stride = max(1, len(face) // ENOUGH)
    some, weight = face[::stride, ::stride], inside[::stride, ::stride]
    if not weight.any():
        return face
    change = np.zeros_like(some)
    change[weight] = TRANSFERS[colour](some[weight], below[::stride, ::stride][weight]) - some[weight]
    slope, offset = (_enlarged(part, stride, inside.shape) for part in _lines(change, some, weight))
    result: Pixels = np.where(inside[..., None], face + slope * face + offset, face).clip(0, 1)
    return result


def _lines(change: Pixels, guide: Pixels, inside: NDArray[np.bool_]) -> tuple[Pixels, Pixels]:
    """Slope and offset of `change` (S, S, 3) as a line of `guide` around each pixel, by what is `inside`."""
    width = 2 * round(RADIUS * len(change)) + 1
    weight = inside[..., None].astype(np.float32)
    near = uniform_filter(weight, (width, width, 1)).clip(1e-6)

    def mean(values: Pixels) -> Pixels:
        result: Pixels = uniform_filter(values * weight, (width, width, 1)) / near
        return result

    middle, level = mean(guide), mean(change)
    slope = (mean(guide * change) - middle * level) / (mean(guide * guide) - middle**2 + EDGE**2)
    return mean(slope), mean(level - slope * middle)


def _enlarged(values: Pixels, stride: int, size: tuple[int, ...]) -> Pixels:
    """`values`, which stand at every `stride`-th pixel, at all pixels of `size` (H, W)."""
    values = np.pad(values, ((0, 1), (0, 1), (0, 0)), mode="edge")
    return sampled(values, np.array([[1 / stride, 0, 0], [0, 1 / stride, 0]], np.float32), size)
