"""Finding where a tile begins, and how sure that is.

Whitened pixels are folded modulo the tile: what repeats adds up, the picture itself averages out. The correlation with
the sync waves is then known for every shift from one inverse Fourier transform. Its height z is measured in standard
deviations.

The false-positive rate is proven, not fitted. Let a picture be given that was made without knowledge of the key. The
phases of the S sync waves are independent and uniform, whatever the picture; so z is a weighted sum of S cosines of
independent uniform phases, scaled to variance 1, and since E[exp(x cos t)] = I0(x) <= exp(x**2 / 4), Chernoff's bound
gives P(z >= h) <= exp(-h**2 / 2). Over all shifts and all geometries tried, which the picture alone decides on, the
chances add up at most. The probability is over the draw of the key, of which the public key is one.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from figment.trust.activity import Plane, activity, detail
from figment.trust.tiles import SIDE, Tile, band

__all__ = ["Found", "chance", "fold", "locate", "soft_bits", "waves", "whitened"]

_QUIET = 1.0  # levels; parts of the picture with less detail than this are not amplified further
_LIMIT = 1.0  # what stands out further, edges and stars, is the picture's own and would drown the mark
_RINGS = 16


@dataclass(frozen=True)
class Found:
    """The best place of the tile under one geometry."""

    z: float
    """Height of the correlation in standard deviations."""
    row: int
    column: int
    """Where a tile begins, modulo its side."""


def chance(z: float, geometries: int) -> float:
    """Upper bound of the probability that a picture without a mark reaches `z` under any of so many `geometries`."""
    return min(1.0, geometries * SIDE**2 * math.exp(-0.5 * z * z))


def whitened(plane: Plane) -> Plane:
    """Details of luma `plane` (H, W) relative to how lively their surroundings are."""
    details = detail(plane)
    relative = details / (activity(details) + np.float32(_QUIET))
    return np.clip(relative, -_LIMIT, _LIMIT, out=relative)


def fold(plane: Plane) -> Plane:
    """Sum (SIDE, SIDE) of all tiles of `plane` (H, W)."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % SIDE), (0, -width % SIDE)))
    tiles = padded.reshape(padded.shape[0] // SIDE, SIDE, padded.shape[1] // SIDE, SIDE)
    total: Plane = tiles.sum(axis=(0, 2), dtype=np.float32)
    return total


def waves(tile: Plane, harmonic: int = 1) -> NDArray[np.complex64]:
    """The band's waves (N,) in a folded `tile`, each weighted by its strength as a mark over the noise around it.

    With `harmonic` 2 those of a mark at half the scale: its wave of frequency f lies at 2f.
    """
    spectrum = np.fft.rfft2(tile)[harmonic * band().rows % SIDE, harmonic * band().columns]
    ring, response = _rings(), _response(harmonic)
    power = np.bincount(ring, spectrum.real**2 + spectrum.imag**2) / np.bincount(ring)
    return (spectrum * (response / np.maximum(power, 1e-12)[ring])).astype(np.complex64)


def locate(observed: NDArray[np.complex64], tile: Tile) -> Found:
    """The shift at which the waves `observed` (N,) agree best with the sync of `tile`."""
    turned = observed[tile.sync] * tile.sync_waves.conj()
    spread = math.sqrt(float(np.sum(turned.real**2 + turned.imag**2)) / 2) or 1.0
    spectrum = np.zeros((SIDE, SIDE // 2 + 1), np.complex64)
    spectrum[band().rows[tile.sync], band().columns[tile.sync]] = turned
    # The waves of a tile that begins at p lag by p, which the inverse transform undoes at p.
    surface = np.fft.irfft2(spectrum, (SIDE, SIDE)) * (SIDE**2 / 2)
    row, column = divmod(int(surface.argmax()), SIDE)
    return Found(float(surface[row, column]) / spread, row, column)


def soft_bits(observed: NDArray[np.complex64], tile: Tile, found: Found, bits: int) -> NDArray[np.float64]:
    """How much the waves `observed` (N,) speak for a 0 (positive) or a 1 in each of `bits`; noise has variance 1."""
    row, column = _between_pixels(observed, tile, found)
    turned = _aligned(observed, tile.data, row, column) * tile.data_waves.conj()
    spread = math.sqrt(float(np.mean(turned.real**2 + turned.imag**2)) / 2) or 1.0
    total = np.zeros(bits)
    np.add.at(total, np.arange(len(turned)) % bits, turned.real / spread)
    return total


def _between_pixels(observed: NDArray[np.complex64], tile: Tile, found: Found) -> tuple[float, float]:
    """The place `found`, to a quarter of a pixel: pictures that were resized are not aligned to whole pixels."""
    steps = np.arange(-3, 4) / 4

    def agreement(offset: tuple[float, float]) -> float:
        aligned = _aligned(observed, tile.sync, found.row + offset[0], found.column + offset[1])
        return float(np.sum((aligned * tile.sync_waves.conj()).real))

    best = max(((float(down), float(right)) for down in steps for right in steps), key=agreement)
    return found.row + best[0], found.column + best[1]


def _aligned(
    observed: NDArray[np.complex64], places: NDArray[np.intp], row: float, column: float
) -> NDArray[np.complex128]:
    """Waves at `places` as they would be if the tile began in the corner of the picture."""
    turns = band().frequencies[places] @ np.array([row, column])
    aligned: NDArray[np.complex128] = observed[places] * np.exp(2j * np.pi * turns)
    return aligned


@cache
def _rings() -> NDArray[np.intp]:
    """Number of the ring of similar frequencies that each wave belongs to."""
    radii = band().radii
    share = (radii - radii.min()) / (np.ptp(radii) + 1e-9)
    rings: NDArray[np.intp] = (share * _RINGS).astype(np.intp)
    return rings


@cache
def _response(harmonic: int) -> NDArray[np.float64]:
    """What `detail` leaves of each wave."""
    response: NDArray[np.float64] = 1 - np.cos(6 * np.pi * harmonic * band().frequencies).mean(axis=1)
    return response
