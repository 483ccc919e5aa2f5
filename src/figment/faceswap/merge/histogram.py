"""Values given the histogram of other values."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.merge.warp import Pixels

__all__ = ["channels_matched", "matched"]

BINS = 256


def matched(values: Pixels, wanted: Pixels) -> Pixels:
    """`values` (N,) on the rising curve that gives them the distribution of `wanted` (M,), to about one bin of 256."""
    low, high = float(min(values.min(), wanted.min())), float(max(values.max(), wanted.max()))
    if high - low < 1e-6:
        return values
    edges = np.linspace(low, high, BINS + 1)
    levels = np.interp(values, edges, _shares(values, edges))
    result = np.interp(levels, _shares(wanted, edges), edges)
    return result.clip(wanted.min(), wanted.max()).astype(np.float32)


def channels_matched(source: Pixels, target: Pixels, threshold: float) -> Pixels:
    """`source` (N, 3) with the histogram of `target` (M, 3), channel by channel.

    Values above `threshold`, in [0, 1], have no say; those of the source are moved as far as the threshold is.
    """
    result = source.copy()
    for ours, theirs, out in zip(source.T, target.T, result.T, strict=True):
        counted = ours <= threshold
        wanted = theirs[theirs <= threshold]
        if not counted.any() or not len(wanted):
            continue
        out[counted] = matched(ours[counted], wanted)
        out[~counted] += out[counted].max() - ours[counted].max()
    return result.clip(0, 1)


def _shares(values: Pixels, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """(257,): what share of `values` lies below each edge, rising ever so slightly where none lies between two."""
    counts = np.histogram(values, edges)[0] + 1e-9 * len(values)
    shares: NDArray[np.float64] = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return shares
