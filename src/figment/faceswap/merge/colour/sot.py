"""All of the colours, moved by what their shadows along many lines lack (Rabin, Peyré, Delon & Bernot 2011: sliced
optimal transport)."""

import numpy as np

from figment.faceswap.merge.colour.linear import turns
from figment.faceswap.merge.warp import Pixels

STEPS, TRIPLES = 10, 10
LINES = turns(STEPS * TRIPLES).reshape(STEPS, TRIPLES * 3, 3)
"""For each step ten sets of three lines at right angles."""


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with nearly the distribution of `target` (M, 3), moving each colour little."""
    colours, wanted = source.T, _as_many(target, len(source)).T
    for lines in LINES:
        shadows = lines @ colours
        lacking = np.empty_like(shadows)
        np.put_along_axis(lacking, shadows.argsort(1), np.sort(lines @ wanted, 1), 1)
        colours = colours + lines.T @ (lacking - shadows) / np.float32(TRIPLES)
    return np.ascontiguousarray(colours.T)


def _as_many(colours: Pixels, number: int) -> Pixels:
    """`number` of `colours`, spread evenly over them."""
    return colours[np.arange(number) * len(colours) // number]
