"""Lightness by the covariance of the colours, hue and saturation by all of them: lct for L*, sot for a* and b*."""

import numpy as np

from figment.faceswap.merge.colour import lct, sot
from figment.faceswap.merge.colour.lab import from_lab, to_lab
from figment.faceswap.merge.warp import Pixels


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with the lightness of lct and the a* and b* of sot."""
    light = to_lab(lct.transferred(source, target).clip(0, 1))
    hue = to_lab(sot.transferred(source, target).clip(0, 1))
    return from_lab(np.concatenate([light[:, :1], hue[:, 1:]], 1))
