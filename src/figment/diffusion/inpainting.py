"""Pictures and masks made ready for painting a part anew: softened, filled, cut out, extended, and put back."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from figment.core.errors import InputError
from figment.diffusion.framing import around, fitted
from figment.diffusion.options import MOST_PIXELS, Options
from figment.pixels.files import as_pillow

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
    """(H, W, 3); of a size of its own where latents are resized."""
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
        patch[top:bottom, left:right] = fitted(drawn, (bottom - top, right - left), "cover")
        painted = Image.composite(as_pillow(patch), as_pillow(self.whole), Image.fromarray(self.cover))
        return np.array(painted)


def prepared(picture: Pixels, mask: Pixels | None, size: tuple[int, int], options: Options) -> Prepared:
    """`picture` (H, W, 3) and `mask` (H, W) of one size, made ready to be drawn at `size` (height, width).

    With the option to resize latents, `start` keeps its own size, in whole latents. Raises InputError for a picture
    that is too large for that.
    """
    if mask is None:
        return Prepared(_framed(picture, size, options), None)
    soft = _blurred(255 - mask if options.mask_inverted else mask, options.mask_blur)
    if options.area == "masked" and soft.any():
        box = left, top, right, bottom = around(soft, options.padding, size)
        start, cut = (fitted(one[top:bottom, left:right], size, "contain") for one in (picture, soft))
        return Prepared(_filled(start, cut, options), cut, picture, soft, box)
    how = "stretch" if options.resize == "latent" else options.resize
    whole, cut = fitted(picture, size, how), fitted(soft, size, how)
    start = _framed(picture, size, options)
    start = _filled(start, fitted(cut, (start.shape[0], start.shape[1]), "stretch"), options)
    # Latents are drawn anew from a half of grey on, so there the old picture must not show through.
    cover = np.minimum(cut.astype(np.int64) * 2, 255).astype(np.uint8)
    return Prepared(start, cut, whole, cover, (0, 0, size[1], size[0]))


def beyond(picture: Pixels, mask: Pixels | None, options: Options) -> tuple[Pixels, Pixels | None]:
    """`picture` extended as the options ask, its edge colours drawn out, and the mask with what is new in it."""
    left, right, up, down = options.extend_left, options.extend_right, options.extend_up, options.extend_down
    if not any((left, right, up, down)):
        return picture, mask
    wide = np.pad(picture, ((up, down), (left, right), (0, 0)), mode="edge")
    old, new = (255, 0) if options.mask_inverted else (0, 255)
    kept = np.full(picture.shape[:2], old, np.uint8) if mask is None else mask.copy()
    high, across = kept.shape
    for grows, place in (
        (left, np.s_[:, :OVERLAP]),
        (right, np.s_[:, max(0, across - OVERLAP) :]),
        (up, np.s_[:OVERLAP, :]),
        (down, np.s_[max(0, high - OVERLAP) :, :]),
    ):
        if grows:
            kept[place] = new
    return wide, np.pad(kept, ((up, down), (left, right)), constant_values=new)


def latent_mask(mask: Pixels, *, rounded: bool) -> Tensor:
    """(1, 1, H / 8, W / 8) in [0, 1] of a mask (H, W)."""
    height, width = mask.shape
    small = Image.fromarray(mask).resize((width // 8, height // 8), Image.Resampling.BICUBIC)
    shares = torch.from_numpy(np.array(small, dtype=np.float32) / 255)[None, None]
    return shares.round() if rounded else shares


def _framed(picture: Pixels, size: tuple[int, int], options: Options) -> Pixels:
    if options.resize != "latent":
        return fitted(picture, size, options.resize)
    high, wide = picture.shape[:2]
    if high * wide > MOST_PIXELS:
        raise InputError(
            f"A start picture of {wide}x{high} is too large to be resized as latents; it may have "
            f"{MOST_PIXELS / 1e6:.1f} million pixels, so choose another way to resize it."
        )
    return picture[: max(8, high // 8 * 8), : max(8, wide // 8 * 8)]


def _blurred(mask: Pixels, radius: int) -> Pixels:
    """`mask` convolved with a Gaussian of deviation `radius`, cut at 2.5 of them."""
    for axis in (0, 1) if radius else ():
        soft = gaussian_filter1d(mask.astype(np.float64), radius, axis, mode="mirror", truncate=2.5)
        mask = np.rint(soft).astype(np.uint8)
    return mask


def _filled(picture: Pixels, mask: Pixels, options: Options) -> Pixels:
    """The masked part in the colours around it, unless it begins as what is there."""
    if options.fill == "original" or not mask.any() or mask.all():
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
