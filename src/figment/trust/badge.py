"""The label that everybody sees on a picture whose face was swapped.

Korea's AI Basic Act, article 31, asks for a mark that people clearly recognise; China's GB 45438-2025 for letters of at
least 5 % of the picture. The letters are a picture in the package, drawn once from NanumGothic Bold (SIL Open Font
License 1.1) by `scripts/render_badge.py`, so that the label looks the same where no Korean font is installed.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.core.errors import InputError

__all__ = ["ASSET", "ENGLISH", "KOREAN", "TEXT", "badge"]

KOREAN, ENGLISH = "AI 합성", "AI-altered"
TEXT = f"{KOREAN} / {ENGLISH}"
ASSET = files("figment.trust") / "badge.png"

LEAST_SHARE = 0.05
"""Height of the letters, in picture heights."""
USUAL_LEAST, LEAST = 14, 11
"""Pixels below which letters are not chosen, and below which they cannot be read."""
PAD = 0.35
"""Ground around the letters, and free margin around the ground, in letter heights."""
GAP = 0.2
"""Between two lines, in letter heights."""
GROUND, OPACITY = 12, 0.8
"""Grey level of the plate under the letters, and how much of the picture it hides."""


@dataclass(frozen=True)
class _Plate:
    """What is laid on the picture: picture * keep + add, both in 1/256."""

    top: int
    left: int
    keep: NDArray[np.uint16]
    """(h, w, 1)."""
    add: NDArray[np.uint16]
    """(h, w, 1)."""


def badge(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy of `image`, uint8 (H, W, 3), with the label at the bottom left: the same bytes for the same picture.

    Its letters are at least 5 % of H high; where the picture is too narrow for that, the plate under them is. Raises
    InputError for a picture that is too small for letters that can be read.
    """
    plate = _plate(*image.shape[:2])
    height, width = plate.keep.shape[:2]
    labelled = image.copy()
    place = labelled[plate.top : plate.top + height, plate.left : plate.left + width]
    place[...] = (place * plate.keep + plate.add) >> 8
    return labelled


@lru_cache(maxsize=32)
def _plate(height: int, width: int) -> _Plate:
    lines, size = _layout(height, width)
    pad, gap = math.ceil(PAD * size), math.ceil(GAP * size)
    scaled = [_scaled(line, size) for line in lines]
    letters = np.zeros((len(lines) * (size + gap) - gap + 2 * pad, max(s.shape[1] for s in scaled) + 2 * pad))
    for number, line in enumerate(scaled):
        top = pad + number * (size + gap)
        letters[top : top + size, pad : pad + line.shape[1]] = line / 255
    ground = (1 - letters[..., None]) * OPACITY
    keep = np.rint((1 - letters[..., None] - ground) * 256).astype(np.uint16)
    add = np.rint((letters[..., None] * 255 + ground * GROUND) * 256).astype(np.uint16)
    return _Plate(height - pad - letters.shape[0], pad, keep, add)


def _layout(height: int, width: int) -> tuple[tuple[int, ...], int]:
    """Rows of the asset to write under each other, and their height in pixels."""
    size = max(math.ceil(LEAST_SHARE * height), USUAL_LEAST)
    for lines in ((0,), (1, 2)):
        if _needs(lines, size) <= width:
            break
    else:
        while size > LEAST and _needs(lines, size) > width:
            size -= 1
    plate = len(lines) * (size + math.ceil(GAP * size)) + 4 * math.ceil(PAD * size)
    if _needs(lines, size) > width or plate > height or plate < LEAST_SHARE * height:
        raise InputError(f"A {width}x{height} picture has no room for the label '{TEXT}'; make it at least 96x96.")
    return lines, size


def _needs(lines: tuple[int, ...], size: int) -> int:
    """Columns that the plate takes with its margins."""
    return max(_letters_width(line, size) for line in lines) + 4 * math.ceil(PAD * size)


def _letters_width(line: int, size: int) -> int:
    row = _rows()[line]
    return round(row.width * size / row.height)


def _scaled(line: int, size: int) -> NDArray[np.uint8]:
    """Row `line` of the asset, `size` pixels high, 255 where there is ink."""
    return np.asarray(_rows()[line].resize((_letters_width(line, size), size), Image.Resampling.BOX))


@lru_cache(maxsize=1)
def _rows() -> tuple[Image.Image, ...]:
    with ASSET.open("rb") as file, Image.open(file) as whole:
        levels = np.asarray(whole)
    rows = np.split(levels, 3)
    return tuple(Image.fromarray(row[:, : np.flatnonzero(row.any(axis=0))[-1] + 1]) for row in rows)
