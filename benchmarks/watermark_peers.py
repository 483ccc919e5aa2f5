"""Watermarks under test: ours, and those that other packages bring, each with 64 bits."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from figment.trust.watermark import Watermark

__all__ = ["BITS", "Scheme", "schemes"]

Picture = NDArray[np.uint8]
BITS = 64


@dataclass(frozen=True)
class Scheme:
    """One way of marking; payloads are numbers in [0, 2**64)."""

    name: str
    embed: Callable[[Picture, int], Picture]
    read: Callable[[Picture], int | None]


def schemes(peers: bool) -> list[Scheme]:
    """Ours, and with `peers` whichever of the others are installed."""
    found = [_ours()]
    if peers and find_spec("imwatermark"):
        found += [_invisible("dwtDct"), _invisible("dwtDctSvd")]
    if peers and find_spec("blind_watermark"):
        found.append(_blind())
    return found


def _ours() -> Scheme:
    watermark = Watermark(b"benchmark")
    return Scheme("figment", watermark.embed, lambda image: watermark.detect(image).payload)


def _invisible(method: str) -> Scheme:
    """invisible-watermark, which works on BGR."""
    package = import_module("imwatermark")

    def embed(image: Picture, payload: int) -> Picture:
        encoder = package.WatermarkEncoder()
        encoder.set_watermark("bytes", payload.to_bytes(BITS // 8, "big"))
        marked: Picture = encoder.encode(np.ascontiguousarray(image[..., ::-1]), method)
        return np.ascontiguousarray(marked[..., ::-1])

    def read(image: Picture) -> int:
        decoded = package.WatermarkDecoder("bytes", BITS).decode(np.ascontiguousarray(image[..., ::-1]), method)
        return int.from_bytes(decoded, "big")

    return Scheme(method, embed, read)


def _blind() -> Scheme:
    """blind-watermark, whose pictures are BGR too and whose bits come back as averages."""
    package = import_module("blind_watermark")
    package.bw_notes.close()

    def embed(image: Picture, payload: int) -> Picture:
        marker = package.WaterMark(password_img=1, password_wm=1)
        marker.read_img(img=np.ascontiguousarray(image[..., ::-1]))
        marker.read_wm([bool(payload >> place & 1) for place in range(BITS - 1, -1, -1)], mode="bit")
        marked = np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(marked[..., ::-1])

    def read(image: Picture) -> int:
        marker = package.WaterMark(password_img=1, password_wm=1)
        bits = marker.extract(embed_img=np.ascontiguousarray(image[..., ::-1]), wm_shape=BITS, mode="bit")
        return int("".join(str(int(bit > 0.5)) for bit in bits), 2)

    return Scheme("blind-watermark", embed, read)
