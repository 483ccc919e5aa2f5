"""Scale and rotation of a tiled mark, read from the lattice that its repeats form in the autocorrelation.

One autocorrelation of the picture answers for all scales and angles at once (Kutter 1998), where trying them costs
one resampling each. It needs about two repeats in each direction; larger scales are left to `unseen_scales`.
"""

import math
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.trust.activity import Plane
from figment.trust.geometry import Geometry
from figment.trust.tiles import SIDE

__all__ = ["likely_geometries", "unseen_scales"]

USUAL_SCALES = (2.0, 1.5, 0.75, 4.0, 3.0)
SMALLEST, LARGEST = 0.4, 2.6
STEEPEST = 3.2
"""Degrees; the search goes a little over the 3 that are promised."""

_FEWEST_PIXELS = 64  # of an undone picture: less than a quarter of a tile holds no mark that could be found
_MOST = 3
_CLEAR = 4.5  # standard deviations; noise alone rarely gets there
_EVEN = 32  # sides are cut to multiples of this: fast Fourier transforms need small factors
_RING = 0.01  # cycles per pixel

Values = NDArray[np.floating[Any]]


def unseen_scales(shape: tuple[int, int]) -> list[Geometry]:
    """Usual scales at which a picture of `shape` has too few repeats for `likely_geometries`, but enough of a tile."""
    side = min(shape)
    return [
        Geometry(scale, 0.0) for scale in USUAL_SCALES if side < 2.5 * SIDE * scale and side >= _FEWEST_PIXELS * scale
    ]


def likely_geometries(plane: Plane) -> list[Geometry]:
    """At most 3 geometries, the clearest first, whose lattice shows in whitened `plane` (H, W); often none."""
    height, width = (side - side % _EVEN for side in plane.shape)
    largest = min(LARGEST, min(height, width) / (2 * SIDE))
    if largest <= SMALLEST:
        return []
    correlation = _autocorrelation(plane[:height, :width])
    scales = np.exp(np.arange(math.log(SMALLEST), math.log(largest), 0.008))
    angles = np.arange(-STEEPEST, STEEPEST + 0.1, 0.8)
    scores = _scores(correlation, scales, angles)
    peaks = _peaks((scores - scores.mean()) / scores.std(), scales, angles)
    return [_refined(correlation, peak) for peak in peaks]


def _autocorrelation(plane: Plane) -> NDArray[np.float32]:
    """Circular autocorrelation (H, W) of `plane`, with all frequencies made equally strong first."""
    spectrum = np.fft.rfft2(plane)
    power = spectrum.real**2 + spectrum.imag**2
    rings, weights = _rings_and_weights(*plane.shape)
    mean = np.bincount(rings.ravel(), power.ravel()) / np.maximum(np.bincount(rings.ravel()), 1)
    # Lines of the spectrum that stand out belong to patterns of the picture.
    even = np.minimum(power / np.maximum(mean, 1e-12)[rings], 4)
    return np.fft.irfft2((even - 1) * weights, plane.shape).astype(np.float32)


@lru_cache(maxsize=4)
def _rings_and_weights(height: int, width: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Ring of each frequency; and its weight: full up to where a mark at scale 1 ends, half where smaller ones do."""
    radii = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    weights = np.select([radii < 0.015, radii <= 0.21, radii <= 0.42], [0.0, 1.0, 0.5], 0.0)
    return (radii / _RING).astype(np.intp), weights.astype(np.float32)


def _scores(correlation: NDArray[np.float32], scales: Values, angles: Values) -> Plane:
    """Sum (scales, angles) of `correlation` at the four nearest points of each lattice."""
    turn = np.radians(angles)[None, :]
    across, along = SIDE * scales[:, None] * np.cos(turn), SIDE * scales[:, None] * np.sin(turn)
    scores = _read(correlation, -along, across) + _read(correlation, across, along)
    scores += _read(correlation, across - along, across + along)
    scores += _read(correlation, -along - across, across - along)
    return scores


def _read(correlation: NDArray[np.float32], down: Values, right: Values) -> Plane:
    """`correlation` at fractional lags by Catmull-Rom splines; negative lags wrap around."""
    height, width = correlation.shape
    top, left = np.floor(down).astype(np.intp), np.floor(right).astype(np.intp)
    rows, columns = _spline_weights(down - top), _spline_weights(right - left)
    total = np.zeros(top.shape, np.float32)
    for row, column in product(range(4), range(4)):
        values = correlation[(top + row - 1) % height, (left + column - 1) % width]
        total += values * rows[row] * columns[column]
    return total


def _spline_weights(t: Values) -> NDArray[np.float32]:
    """Weights (4, ...) of the neighbours at -1, 0, 1 and 2 for a place `t` in [0, 1) (Catmull & Rom 1974)."""
    before, at = t * (t * (2 - t) - 1), t * t * (3 * t - 5) + 2
    after, beyond = t * (t * (4 - 3 * t) + 1), t * t * (t - 1)
    return (np.stack([before, at, after, beyond]) / 2).astype(np.float32)


def _peaks(scores: Plane, scales: Values, angles: Values) -> list[Geometry]:
    """The highest scores, each with its neighbourhood taken out."""
    left = scores.copy()
    peaks: list[Geometry] = []
    while len(peaks) < _MOST and left.max() >= _CLEAR:
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        peaks.append(Geometry(float(scales[row]), float(angles[column])))
        left[max(0, row - 3) : row + 4, max(0, column - 1) : column + 2] = -np.inf
    return peaks


def _refined(correlation: NDArray[np.float32], peak: Geometry) -> Geometry:
    """`peak` moved to the best of a fine grid around it."""
    scales = peak.scale + peak.scale * 0.001 * np.arange(-8.0, 9.0)
    angles = peak.rotation + 0.1 * np.arange(-8.0, 9.0)
    scores = _scores(correlation, scales, angles)
    row, column = np.unravel_index(int(scores.argmax()), scores.shape)
    return Geometry(round(float(scales[row]), 4), round(float(angles[column]), 2) + 0.0)  # + 0.0: never minus zero
