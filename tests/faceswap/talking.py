"""Clips with a real face in them that tests make: a photograph that moves under the camera, with a sound."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

__all__ = ["frame", "grey", "write"]

SIDE = 240
"""Pixels of a frame."""
RATE = 12


def frame(number: int, light: float = 1.0) -> NDArray[np.uint8]:
    """(240, 240, 3): a face that goes to and fro."""
    left, top = 110 + round(8 * np.sin(number / 3)), 10 + number % 3
    return np.ascontiguousarray((astronaut()[top : top + SIDE, left : left + SIDE] * light).astype(np.uint8))


def grey(_number: int) -> NDArray[np.uint8]:
    """A frame without anybody."""
    return np.full((SIDE, SIDE, 3), 120, np.uint8)


def write(path: Path, images: list[NDArray[np.uint8]], *, sound: bool = False) -> Path:
    """An MP4 clip of `images`; with a humming `sound` as long as they are."""
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        heard: Any = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
        if heard is not None:
            wave = np.sin(np.arange(8000 * len(images) // RATE) / 8).astype(np.float32)[None]
            hum = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            hum.sample_rate, hum.pts, hum.time_base = 8000, 0, Fraction(1, 8000)
            container.mux(heard.encode(hum))
            container.mux(heard.encode())
    return path
