"""The watermark's tile: a square of keyed waves that repeats over the picture.

The tile is laid out in the frequency domain. Each frequency of a band between what every picture is full of and what
compression throws away carries one wave of unit amplitude and keyed phase. A quarter of them, the sync waves, never
change: they tell whether there is a mark, and where its tiles begin. The others carry one bit each of the code word
in their sign. Waves of different frequencies are orthogonal, so nothing leaks from one bit into another.

To anyone without the key the phases are random. That makes the false-positive rate provable, see `sync`.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "Band", "Tile", "band"]

SIDE = 125
"""Side of the tile in pixels. It has no factor in common with the 8- and 16-pixel blocks of JPEG and H.264, so that
each repeat falls differently on their grid: their errors average out, and their grid is not taken for a mark."""

_LOWEST, _HIGHEST = 0.04, 0.20
_SYNC_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Band:
    """The N frequencies that carry waves, in the layout of `numpy.fft.rfft2` of a tile."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    frequencies: NDArray[np.float64]
    """(N, 2): vertical and horizontal frequency in cycles per pixel."""
    radii: NDArray[np.float64]
    """(N,): length of the frequencies, cycles per pixel."""


@cache
def band() -> Band:
    """The band without its horizontal and vertical waves, which walls, horizons and block borders are full of."""
    vertical, horizontal = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
    radii = np.hypot(vertical, horizontal)
    inside = (radii >= _LOWEST) & (radii <= _HIGHEST) & (vertical != 0) & (horizontal != 0)
    rows, columns = np.nonzero(inside)
    frequencies = np.stack([vertical[rows, 0], horizontal[0, columns]], axis=1)
    return Band(rows, columns, frequencies, radii[rows, columns])


@dataclass(frozen=True, eq=False)
class Tile:
    """Which waves are sync and which carry which bit, and all their phases."""

    sync: NDArray[np.intp]
    """(S,): places in the band."""
    sync_waves: NDArray[np.complex64]
    """(S,): waves of unit amplitude."""
    data: NDArray[np.intp]
    """(D,): places in the band; the wave at place d carries bit d % number of bits."""
    data_waves: NDArray[np.complex64]

    @classmethod
    def drawn(cls, sync_key: bytes, data_key: bytes) -> "Tile":
        """The tile of two keys; whoever has only the first can see that there is a mark, but not what it says."""
        number = len(band().radii)
        order = np.argsort(_stream(sync_key, b"order", number), kind="stable")
        sync, data = np.split(order, [round(_SYNC_SHARE * number)])
        data = data[np.argsort(_stream(data_key, b"order", len(data)), kind="stable")]
        return cls(sync, _waves(sync_key, len(sync)), data, _waves(data_key, len(data)))

    def pattern(self, code: NDArray[np.int8]) -> NDArray[np.float32]:
        """Picture of the tile with the signs `code`, float32 (SIDE, SIDE), with mean 0 and variance 1.

        A `code` of zeros leaves the sync waves alone, which are then twice as high.
        """
        spectrum = np.zeros((SIDE, SIDE // 2 + 1), np.complex64)
        waves = np.empty(len(band().radii), np.complex64)
        waves[self.sync] = self.sync_waves
        waves[self.data] = self.data_waves * np.resize(code, len(self.data))
        spectrum[band().rows, band().columns] = waves
        tile: NDArray[np.float32] = np.fft.irfft2(spectrum, (SIDE, SIDE)).astype(np.float32)
        tile /= tile.std()
        return tile


def _waves(key: bytes, number: int) -> NDArray[np.complex64]:
    angles = _stream(key, b"phase", number) * (2 * np.pi / 2.0**32)
    waves: NDArray[np.complex64] = np.exp(1j * angles).astype(np.complex64)
    return waves


def _stream(key: bytes, purpose: bytes, number: int) -> NDArray[np.uint32]:
    """Random numbers that will be the same in every version of every library: SHAKE-256 of the key and the purpose."""
    digest = hashlib.shake_256(b"figment watermark 1\0" + purpose + b"\0" + key).digest(4 * number)
    return np.frombuffer(digest, "<u4")
