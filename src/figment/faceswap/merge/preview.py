"""A merged frame as an interactive merge shows it, and pictures written quickly."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray
from PIL import Image

from figment.core.files import write_bytes
from figment.faceswap.merge.blend import Merged
from figment.faceswap.merge.footage import Finish, unchanged
from figment.pixels.files import as_pillow

__all__ = ["shown", "write"]

QUICK = {"pred": "up", "compression_level": "1"}
"""How FFmpeg codes a PNG file: each line as its difference from the one above, pressed lightly. It takes half the time
that Pillow needs at its lightest level, and a tenth less room."""
SQUARE = 16
"""Side of the squares of a checkerboard in pixels, and the two greys that they have."""
GREYS = (96, 160)


def shown(merged: Merged, zoom: int, checkers: bool, finish: Finish = unchanged) -> NDArray[np.uint8]:
    """The frame at `zoom` percent; with `checkers`, what is not a swapped face in it lies under a checkerboard.

    That hides what `finish` had put on the frame, which goes through it again.
    """
    picture = as_pillow(finish(_on_checkers(merged)) if checkers else merged.frame)
    size = (max(1, picture.width * zoom // 100), max(1, picture.height * zoom // 100))
    return np.array(picture.resize(size, Image.Resampling.NEAREST if zoom > 100 else Image.Resampling.LANCZOS))


def write(path: Path, image: NDArray[np.uint8]) -> None:
    """Write `image`, (H, W, 3) or (H, W), to `path` as a PNG file, atomically."""
    height, width = image.shape[:2]
    coder = VideoCodecContext.create("png", "w")
    coder.width, coder.height, coder.time_base = width, height, Fraction(1)
    coder.pix_fmt = "gray" if image.ndim == 2 else "rgb24"
    coder.thread_count, coder.options = 1, QUICK
    packets = coder.encode(av.VideoFrame.from_ndarray(image, format=coder.pix_fmt)) + coder.encode(None)
    write_bytes(path, b"".join(map(bytes, packets)))


def _on_checkers(merged: Merged) -> NDArray[np.uint8]:
    rows, columns = (np.arange(side) // SQUARE for side in merged.mask.shape)
    board = np.where((rows[:, None] + columns) % 2, *GREYS)[..., None]
    share = merged.mask[..., None] / 255
    result: NDArray[np.uint8] = np.rint(board + share * (merged.frame - board.astype(np.float64))).astype(np.uint8)
    return result
