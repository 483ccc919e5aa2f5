"""The colours that captions name, and tinting a picture with them."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figment.data.sprite_pack import Concept

__all__ = ["COLOURS", "Colour", "is_paintable", "tint"]


@dataclass(frozen=True)
class Colour:
    """A named colour."""

    rgb: tuple[int, int, int]
    korean: str
    """Before a noun: 빨간 사과."""
    korean_noun: str
    """As a noun: 빨강에서 노랑으로."""


COLOURS = {
    "red": Colour((220, 45, 45), "빨간", "빨강"),
    "orange": Colour((245, 140, 30), "주황색", "주황"),
    "yellow": Colour((250, 215, 50), "노란", "노랑"),
    "green": Colour((60, 170, 75), "초록색", "초록"),
    "blue": Colour((45, 105, 225), "파란", "파랑"),
    "purple": Colour((135, 70, 190), "보라색", "보라"),
    "pink": Colour((250, 150, 190), "분홍색", "분홍"),
    "brown": Colour((130, 80, 45), "갈색", "갈색"),
    "black": Colour((25, 25, 28), "검은", "검정"),
    "white": Colour((255, 255, 255), "하얀", "하양"),
    "grey": Colour((135, 138, 142), "회색", "회색"),
}
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
SHIFT = 0.75
"""How far the mean luminance moves to that of the colour: at 0 black could not be told from grey."""
COLOUR_WORD = re.compile(rf"\b({'|'.join(COLOURS)}|gray|blond|golden|rainbow)\b")


def is_paintable(concept: Concept) -> bool:
    """Whether a tint cannot contradict the name: a flag is its colours, and so is a woman with red hair.

    A colour at the front of the name is fine, because a caption replaces it.
    """
    return concept.group != "flags" and not COLOUR_WORD.search(concept.label_en, concept.label_en.find(" ") + 1)


def tint(rgba: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    """`rgba` (H, W, 4) in shades of `colour`; light and dark parts stay so, alpha is kept."""
    rgb = np.array(COLOURS[colour].rgb, dtype=np.float32) / 255
    level = float(rgb @ LUMA)
    luma = rgba[..., :3] @ (LUMA / 255)
    weight = rgba[..., 3].astype(np.float32)
    mean = float((luma * weight).sum() / max(float(weight.sum()), 1.0))
    shade = np.clip(luma + SHIFT * (level - mean), 0, 1)[..., None]
    dark, light = rgb * (shade / level), 1 - (1 - rgb) * ((1 - shade) / max(1 - level, 1e-3))
    painted = np.where(shade < level, dark, light)
    return np.dstack([np.rint(np.clip(painted, 0, 1) * 255).astype(np.uint8), rgba[..., 3]])
