"""The invisible watermark: 64 bits in the luma of a picture, found again after ordinary handling.

A keyed tile of waves (`tiles`) repeats over the picture, louder where the picture is lively (`activity`). It is found
by undoing likely geometries (`lattice`) and correlating with the sync waves (`sync`); the payload behind it is guarded
by a checksum and error correction (`ecc`). It is meant to survive what pictures go through every day. Whoever has this
program and the key of the sync waves can remove it or forge it: it is a hint, the signature is the proof.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.trust import ecc
from figment.trust.activity import Plane, activity, detail, luma
from figment.trust.geometry import HALVED, UNTOUCHED, Geometry, centre, undone
from figment.trust.lattice import likely_geometries, unseen_scales
from figment.trust.sync import Found, chance, fold, locate, soft_bits, waves, whitened
from figment.trust.tiles import SIDE, Tile
from figment.trust.watermark_key import secret_key

__all__ = ["PRESENCE_KEY", "TOLERATED", "Mark", "Watermark", "capacity"]

Picture = NDArray[np.uint8]

PRESENCE_KEY = b"figment presence 1"
"""Public: with it every installation sees the marks of every other, though not what they say."""

TOLERATED = 1e-6
"""A mark is called present when a picture without one would look like this at most so often."""

_FLOOR, _GAIN, _LIVELIEST = 1.4, 0.068, 2.5  # levels; levels per level of activity; levels on top of the floor
_LOUDEST_MEAN = 2.6  # levels, root mean square: 39.8 dB
_ENOUGH = 512 * 512  # pixels; fewer get a louder mark
_ROOM = 192 * 192  # pixels that the payload needs; measured by benchmarks/watermark.py
_PROBES = 5  # frames that the geometry of a clip is sought in


@dataclass(frozen=True)
class Mark:
    """What was found in a picture."""

    present: bool
    score: float
    """Height of the sync correlation in standard deviations."""
    payload: int | None
    """The 64 bits; None when there are none, or when they were written with another key."""
    scale: float
    """Size relative to what the picture was when it was marked."""
    rotation: float
    """Degrees counterclockwise since then."""
    flipped: bool
    false_positive_rate: float
    """Upper bound of the probability that a picture without a mark would look like this; see `sync`."""


@dataclass(frozen=True, eq=False)
class _Sighting:
    """The best that one geometry shows."""

    geometry: Geometry
    flipped: bool
    observed: NDArray[np.complex64]
    found: Found


class Watermark:
    """Writes and reads marks with one pair of keys."""

    def __init__(self, secret_key: bytes, public_key: bytes | None = PRESENCE_KEY) -> None:
        """`secret_key` guards the payload; with `public_key` others see that there is a mark, with None not."""
        self._tile = Tile.drawn(secret_key if public_key is None else public_key, secret_key)

    @classmethod
    def default(cls, folder: Path | None = None) -> "Watermark":
        """The watermark of this installation, whose secret key lies in `folder`; made when there is none.

        Raises OutputError when it cannot be made, InputError when what is there is no key.
        """
        return cls(secret_key(folder))

    def embed(self, image: Picture, payload: int, start: tuple[int, int] | None = None) -> Picture:
        """`image`, uint8 (H, W, 3), with `payload`, in [0, 2**64), in it.

        The tiles begin at row and column `start`; without it where the mark is found best in this picture. Frames of a
        clip want the same for all of them, since a mark that jumps is seen to flicker. Where `capacity` is 1 the mark
        says only that it is there; where it is 0 the picture stays as it is.
        """
        if not 0 <= payload < 1 << ecc.PAYLOAD_BITS:
            raise InputError(f"A watermark carries {ecc.PAYLOAD_BITS} bits; {payload} must lie in [0, 2**64).")
        height, width = image.shape[:2]
        room = capacity(height, width)
        if room == 0:
            return image.copy()
        code = ecc.encode(payload) if room == ecc.PAYLOAD_BITS else np.zeros(ecc.CODE_BITS, np.int8)
        plane = luma(image)
        if start is None:
            # Wherever the tiles begin they are found; so let it be where the picture itself agrees best with them.
            place = locate(waves(fold(whitened(plane))), self._tile)
            start = (place.row, place.column)
        pattern = np.roll(self._tile.pattern(code), start, (0, 1))
        tiled = np.tile(pattern, (-(-height // SIDE), -(-width // SIDE)))[:height, :width]
        change = tiled * _loudness(plane)
        return np.clip(np.rint(image + change[..., None]), 0, 255).astype(np.uint8)

    def detect(self, image: Picture) -> Mark:
        """What mark `image`, uint8 (H, W, 3), carries."""
        best, tries = self._search(luma(centre(image)))
        return _judged(best, best.found.z, tries, soft_bits(best.observed, self._tile, best.found, ecc.CODE_BITS))

    def detect_frames(self, frames: Sequence[Picture]) -> Mark:
        """What mark the `frames` (at least one) of a clip carry together, each uint8 (H, W, 3).

        Video compression drags the mark along with what moves, so each frame is aligned by its own sync, and has a
        say by how clear that is.
        """
        probes = frames[:: max(1, len(frames) // _PROBES)]
        searches = [self._search(luma(centre(frame))) for frame in probes]
        best = max((sighting for sighting, _ in searches), key=lambda sighting: sighting.found.z)
        soft, height = np.zeros(ecc.CODE_BITS), best.found.z
        for frame in frames:
            folded = fold(whitened(undone(luma(centre(frame)), best.geometry)))
            seen = self._seen(folded, best.geometry, best.flipped)
            soft += _say(seen.found.z) * soft_bits(seen.observed, self._tile, seen.found, ecc.CODE_BITS)
            height = max(height, seen.found.z)
        # The key had a say in which geometry the frames were read under, so each counts under all of them.
        tries = sum(tries for _, tries in searches) * (1 + len(frames))
        return _judged(best, height, tries, soft)

    def _search(self, plane: Plane) -> tuple[_Sighting, int]:
        """The best sighting in luma `plane` (H, W), and how many geometries were tried for it."""
        sightings: list[_Sighting] = []
        for geometry, folded, harmonic in _views(plane):
            sightings += (self._seen(folded, geometry, flipped, harmonic) for flipped in (False, True))
            best = max(sightings, key=lambda sighting: sighting.found.z)
            # A mark that is a little turned or resized can be seen as it is, but not read: then the search goes on.
            if chance(best.found.z, len(sightings)) <= TOLERATED and self._read(best) is not None:
                break
        if best.geometry != HALVED:
            return best, len(sightings)
        # What the harmonics gave away is worth a closer look, for the sake of the payload.
        closer = self._seen(fold(whitened(undone(plane, HALVED))), HALVED, best.flipped)
        return max(best, closer, key=lambda sighting: sighting.found.z), len(sightings) + 2

    def _read(self, sighting: _Sighting) -> int | None:
        return ecc.decode(soft_bits(sighting.observed, self._tile, sighting.found, ecc.CODE_BITS))

    def _seen(self, folded: Plane, geometry: Geometry, flipped: bool, harmonic: int = 1) -> _Sighting:
        observed = waves(folded[:, ::-1] if flipped else folded, harmonic)
        return _Sighting(geometry, flipped, observed, locate(observed, self._tile))


def capacity(height: int, width: int) -> int:
    """Bits that a picture carries: 64; 1 where only its presence can be relied on; 0 where there is no room."""
    if min(height, width) < SIDE:
        return 0
    return ecc.PAYLOAD_BITS if height * width >= _ROOM else 1


def _loudness(plane: Plane) -> Plane:
    """Amplitude (H, W) of the mark in levels on luma `plane`."""
    # Fewer tiles need a louder mark; less so where the picture is flat, since that shows and is found more easily.
    factor = min(1.6, max(1.0, (_ENOUGH / plane.size) ** 0.5))
    lively = np.minimum(np.float32(_GAIN) * activity(detail(plane)), np.float32(_LIVELIEST))
    # Half of the mark is cut off on white.
    floor = np.where(plane > 254, np.float32(1.5 * _FLOOR), np.float32(_FLOOR))
    levels: Plane = np.float32(factor**0.5) * floor + np.float32(factor) * lively
    mean = float(np.sqrt(np.mean(levels * levels)))
    levels *= np.float32(min(1.0, _LOUDEST_MEAN / mean))
    return levels


def _views(plane: Plane) -> Iterator[tuple[Geometry, Plane, int]]:
    """Geometries of luma `plane` (H, W), the likeliest first, each with a folded tile and the harmonic to look at."""
    white = whitened(plane)
    folded = fold(white)
    yield UNTOUCHED, folded, 1
    yield HALVED, folded, 2
    for geometry in (*unseen_scales(plane.shape), *likely_geometries(white)):
        yield geometry, fold(whitened(undone(plane, geometry))), 1


def _say(z: float) -> float:
    """Weight of a frame: one that is no clearer than noise is not heard."""
    return max(0.0, z - 4.0)


def _judged(best: _Sighting, z: float, tries: int, soft: NDArray[np.float64]) -> Mark:
    """The mark that the height `z`, the best of so many `tries`, and the `soft` bits of a code word add up to."""
    rate = chance(z, tries)
    payload = ecc.decode(soft) if rate * ecc.FALSE_PASS <= TOLERATED else None
    if payload is not None:
        rate *= ecc.FALSE_PASS
    geometry = best.geometry
    return Mark(rate <= TOLERATED, z, payload, geometry.scale, geometry.rotation, best.flipped, rate)
