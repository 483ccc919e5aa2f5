"""Pictures and masks made ready for painting a part anew: softened, filled, cut out, extended, and put back."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor

from figment.diffusion.options import Options
from figment.pixels.files import as_pillow
from figment.pixels.resizing import Fit, resize

__all__ = ["Prepared", "beyond", "latent_mask", "prepared"]

Pixels = NDArray[np.uint8]
SPREADS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Radii by which colours spread into a hole, and how often each is laid over the ones before."""
OVERLAP = 16
"""Pixels of the old picture that an extension paints over, so that the seam is lost."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A start picture at the size that is drawn, and the way back to the picture it was cut from."""

    start: Pixels
    """(H, W, 3)."""
    mask: Pixels | None
    """(H, W), white where it is painted anew; None for everywhere."""
    whole: Pixels | None = None
    """The picture that `start` was cut from, and that shows through where the mask is black."""
    cover: Pixels | None = None
    """(whole's height, width): how much of what is drawn covers it."""
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Left, top, right, bottom of `start` in `whole`."""

    def put_back(self, drawn: Pixels) -> Pixels:
        """The whole picture with what was drawn in it."""
        if self.whole is None or self.cover is None:
            return drawn
        left, top, right, bottom = self.box
        patch = self.whole.copy()
        patch[top:bottom, left:right] = resize(drawn, (bottom - top, right - left), "stretch")
        painted = Image.composite(as_pillow(patch), as_pillow(self.whole), Image.fromarray(self.cover))
        return np.array(painted)


def prepared(picture: Pixels, mask: Pixels | None, size: tuple[int, int], options: Options) -> Prepared:
    """`picture` (H, W, 3) and `mask` (H, W) of one size, made ready to be drawn at `size` (height, width)."""
    if mask is None:
        return Prepared(resize(picture, size, _fit(options)), None)
    if options.mask_inverted:
        mask = 255 - mask
    soft = _blurred(mask, options.mask_blur)
    if options.area == "masked" and soft.any():
        box = _around(soft, options.padding, size)
        left, top, right, bottom = box
        start = resize(picture[top:bottom, left:right], size, "stretch")
        cut = resize(soft[top:bottom, left:right, None], size, "stretch")[..., 0]
        return Prepared(_filled(start, cut, options), cut, picture, soft, box)
    start, cut = resize(picture, size, _fit(options)), resize(soft[..., None], size, _fit(options), 0)[..., 0]
    return Prepared(_filled(start, cut, options), cut, start, cut, (0, 0, size[1], size[0]))


def beyond(picture: Pixels, mask: Pixels | None, options: Options) -> tuple[Pixels, Pixels | None]:
    """`picture` extended as the options ask, its edge colours drawn out, and the mask of what is new."""
    left, right, up, down = options.extend_left, options.extend_right, options.extend_up, options.extend_down
    if not any((left, right, up, down)):
        return picture, mask
    wide = np.pad(picture, ((up, down), (left, right), (0, 0)), mode="edge")
    kept = np.zeros(picture.shape[:2], np.uint8) if mask is None else mask.copy()
    high, across = kept.shape
    for grows, place in (
        (left, np.s_[:, :OVERLAP]),
        (right, np.s_[:, max(0, across - OVERLAP) :]),
        (up, np.s_[:OVERLAP, :]),
        (down, np.s_[max(0, high - OVERLAP) :, :]),
    ):
        if grows:
            kept[place] = 255
    return wide, np.pad(kept, ((up, down), (left, right)), constant_values=255)


def latent_mask(mask: Pixels, *, rounded: bool) -> Tensor:
    """(1, 1, H / 8, W / 8) in [0, 1] of a mask (H, W)."""
    height, width = mask.shape
    small = Image.fromarray(mask).resize((width // 8, height // 8), Image.Resampling.BICUBIC)
    shares = torch.from_numpy(np.array(small, dtype=np.float32) / 255)[None, None]
    return shares.round() if rounded else shares


def _fit(options: Options) -> Fit:
    return "stretch" if options.resize == "latent" else options.resize


def _blurred(mask: Pixels, radius: int) -> Pixels:
    if not radius:
        return mask
    return np.array(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(radius)))


def _around(mask: Pixels, padding: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box around the mask's white, widened by `padding`, then to the proportions of `size`, in the picture."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    high, wide = mask.shape
    top, bottom = max(0, int(rows[0]) - padding), min(high, int(rows[-1]) + 1 + padding)
    left, right = max(0, int(columns[0]) - padding), min(wide, int(columns[-1]) + 1 + padding)
    ratio = size[1] / size[0]
    left, right = _widened(left, right, round((bottom - top) * ratio), wide)
    top, bottom = _widened(top, bottom, round((right - left) / ratio), high)
    return left, top, right, bottom


def _widened(low: int, high: int, length: int, most: int) -> tuple[int, int]:
    """An interval of at least `length` around [low, high), moved to lie inside [0, most)."""
    missing = max(0, min(length, most) - (high - low))
    start = min(max(0, low - missing // 2), most - (high - low) - missing)
    return start, start + (high - low) + missing


def _filled(picture: Pixels, mask: Pixels, options: Options) -> Pixels:
    """The masked part in the colours around it, if the options ask for that."""
    if options.fill != "fill" or not mask.any() or mask.all():
        return picture
    masked = as_pillow(picture).convert("RGBA")
    masked.putalpha(ImageChops.invert(Image.fromarray(mask)))
    premultiplied = masked.convert("RGBa")
    out = Image.new("RGBA", masked.size)
    for radius, times in SPREADS:
        spread = premultiplied.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            out.alpha_composite(spread)
    return np.array(out.convert("RGB"))
