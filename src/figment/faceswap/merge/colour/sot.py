"""All of the colours, moved by what their shadows along many lines lack (Rabin, Peyré, Delon & Bernot 2011: sliced
optimal transport)."""

import numpy as np
import torch

from figment.faceswap.merge.colour.linear import turns
from figment.faceswap.merge.warp import Pixels

STEPS, TRIPLES = 10, 10
LINES = turns(STEPS * TRIPLES).reshape(STEPS, TRIPLES * 3, 3)
"""For each step ten sets of three lines at right angles."""


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with nearly the distribution of `target` (M, 3), moving each colour little."""
    colours, wanted = torch.from_numpy(source.T.copy()), torch.from_numpy(_as_many(target, len(source)).T.copy())
    for lines in torch.from_numpy(LINES):
        shadows = lines @ colours
        lacking = torch.empty_like(shadows)
        lacking.scatter_(1, shadows.argsort(1), (lines @ wanted).sort(1).values)
        colours = colours + lines.T @ (lacking - shadows) / TRIPLES
    return colours.T.numpy()


def _as_many(colours: Pixels, number: int) -> Pixels:
    """`number` of `colours`, spread evenly over them."""
    return colours[np.arange(number) * len(colours) // number]
