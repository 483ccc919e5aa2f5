"""All of the colours, one turned axis at a time (Pitié, Kokaram & Dahyot 2005: iterative distribution transfer)."""

import numpy as np

from figment.faceswap.merge.colour.linear import turns
from figment.faceswap.merge.histogram import matched
from figment.faceswap.merge.warp import Pixels

TURNS = turns(20)
"""The axes of each round."""


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with nearly the distribution of `target` (M, 3); may leave [0, 1] a little."""
    for turn in TURNS:
        ours, theirs = source @ turn, target @ turn
        ours = np.stack([matched(ours[:, axis], theirs[:, axis]) for axis in range(3)], 1)
        source = ours @ turn.T
    return source
