"""Mean and spread of each channel of L*a*b* (Reinhard, Ashikhmin, Gooch & Shirley 2001)."""

from figment.faceswap.merge.colour.lab import from_lab, to_lab
from figment.faceswap.merge.warp import Pixels


def transferred(source: Pixels, target: Pixels) -> Pixels:
    """`source` (N, 3) with the means and standard deviations, in L*a*b*, of `target` (M, 3)."""
    ours, theirs = to_lab(source), to_lab(target)
    scale = theirs.std(0) / ours.std(0).clip(1e-6)
    return from_lab((ours - ours.mean(0)) * scale + theirs.mean(0))
