"""Values given the histogram of other values."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.merge.warp import Pixels

__all__ = ["channels_matched", "matched"]

BINS = 512


def matched(values: Pixels, wanted: Pixels) -> Pixels:
    """`values` (N,) on the rising curve that gives them the distribution of `wanted` (M,), to about one bin of 512."""
    low, high = float(min(values.min(), wanted.min())), float(max(values.max(), wanted.max()))
    if high - low < 1e-6:
        return values
    bins, within = _binned(values, low, high)
    edges = np.linspace(low, high, BINS + 1)
    curve = np.interp(_shares(bins), _shares(_binned(wanted, low, high)[0]), edges).astype(np.float32)
    result: Pixels = (curve[bins] + within * np.diff(curve)[bins]).clip(wanted.min(), wanted.max())
    return result


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


def _binned(values: Pixels, low: float, high: float) -> tuple[NDArray[np.int32], Pixels]:
    """(N,) in which of the bins from `low` to `high` each value is, and (N,) how far into it, from 0 to 1."""
    places = (values - np.float32(low)) * np.float32(BINS / (high - low))
    bins = np.minimum(places.astype(np.int32), BINS - 1)
    return bins, places - bins.astype(np.float32)


def _shares(bins: NDArray[np.int32]) -> NDArray[np.float64]:
    """(257,): what share of values lies below each edge of `bins`, rising ever so slightly where none is in one."""
    counts = np.bincount(bins, minlength=BINS) + 1e-9 * len(bins)
    shares: NDArray[np.float64] = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return shares
