"""What happens to pictures every day, and to clips."""

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["ATTACKS", "REQUIRED", "h264", "saved"]

Picture = NDArray[np.uint8]


def saved(image: Picture, format: str, quality: int) -> Picture:
    """`image` written in a lossy `format` with Pillow's usual settings, and read again."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, format, quality=quality)
    return np.array(Image.open(content).convert("RGB"))


def h264(frames: Sequence[Picture], crf: int, rate: int = 30) -> tuple[list[Picture], int]:
    """`frames` through x264 at its "medium" preset, and the size of the clip in bytes."""
    av = import_module("av")
    content = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(content, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"crf": str(crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    size = content.tell()
    content.seek(0)
    with av.open(content) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], size


def _resized(image: Picture, factor: float) -> Picture:
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def _cropped(image: Picture, kept: float, top: float = 0.6, left: float = 0.3) -> Picture:
    """The share `kept` of each side; what is cut off is cut at both ends, unevenly."""
    height, width = (round(side * kept) for side in image.shape[:2])
    first, second = round((image.shape[0] - height) * top), round((image.shape[1] - width) * left)
    return image[first : first + height, second : second + width]


def _rotated(image: Picture, degrees: float) -> Picture:
    return np.array(Image.fromarray(image).rotate(degrees, Image.Resampling.BICUBIC))


def _noisy(image: Picture) -> Picture:
    noise = np.random.default_rng(0).normal(0, 5, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _brighter(image: Picture) -> Picture:
    brighter: Picture = np.clip(np.rint(image * 1.3), 0, 255).astype(np.uint8)
    return brighter


def _grey(image: Picture) -> Picture:
    return np.array(Image.fromarray(image).convert("L").convert("RGB"))


REQUIRED: dict[str, Callable[[Picture], Picture]] = {
    "none": lambda image: image,
    "JPEG 90": lambda image: saved(image, "JPEG", 90),
    "JPEG 75": lambda image: saved(image, "JPEG", 75),
    "JPEG 50": lambda image: saved(image, "JPEG", 50),
    "WebP 80": lambda image: saved(image, "WEBP", 80),
    "resize 0.5": lambda image: _resized(image, 0.5),
    "resize 2": lambda image: _resized(image, 2),
    "crop 10 %": lambda image: _cropped(image, 0.9),
    "crop to half the area": lambda image: _cropped(image, 0.5**0.5),
    "brightness x1.3": _brighter,
    "grey": _grey,
    "noise sigma 5": _noisy,
    "rotate 1 degree": lambda image: _rotated(image, 1.0),
    "flip": lambda image: np.ascontiguousarray(image[:, ::-1]),
}
"""What at least 95 % of the payloads must survive."""

ATTACKS: dict[str, Callable[[Picture], Picture]] = REQUIRED | {
    "JPEG 30": lambda image: saved(image, "JPEG", 30),
    "resize 0.7": lambda image: _resized(image, 0.7),
    "resize 0.5 and back": lambda image: _resized(_resized(image, 0.5), 2),
    "crop 10 % and back": lambda image: _resized(_cropped(image, 0.9), 1 / 0.9),
    "rotate 3 degrees": lambda image: _rotated(image, 3.0),
    "resize 0.7, JPEG 75": lambda image: saved(_resized(image, 0.7), "JPEG", 75),
}
