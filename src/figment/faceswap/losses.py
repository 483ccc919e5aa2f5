"""How far a drawn face is from the one it should be.

Structure is compared by SSIM (Wang et al. 2004) in windows of 8 x 8 pixels that stay within the picture, always in
float32: in bfloat16 a variance is the difference of two numbers that look alike.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

__all__ = ["blurred", "face_loss", "likeness", "mask_loss", "ssim"]

SIGMA = 1.5
WEIGHT = 10.0
"""Of each term."""
_C1, _C2 = 0.01**2, 0.03**2


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """(B, C, T, T): structural similarity of pictures (B, C, S, S) in [0, 1] around each place; 1 for the same.

    The window is S / 11.6 wide, 8 for 96 pixels, and stays within the picture: T = S - width + 1.
    """
    size = one.shape[-1]
    band = _valid(size, _window(size)).to(one)
    both = torch.stack([one, other, one * one + other * other, one * other])
    mean_one, mean_other, squares, product = band @ both @ band.T
    means, centre = mean_one * mean_other, mean_one.square() + mean_other.square()
    light = (2 * means + _C1) / (centre + _C1)
    similarity: Tensor = light * (2 * (product - means) + _C2) / (squares - centre + _C2)
    return similarity


def likeness(drawn: Tensor, face: Tensor, mask: Tensor) -> Tensor:
    """(B,): mean structural similarity of pictures (B, C, S, S) in [0, 1] where `mask` (B, 1, S, S) is."""
    size = mask.shape[-1]
    band = _valid(size, _window(size)).to(mask)
    weights = band @ mask @ band.T
    return (ssim(drawn, face).mean(1, keepdim=True) * weights).sum((1, 2, 3)) / weights.sum((1, 2, 3)).clamp(min=1e-6)


def face_loss(drawn: Tensor, face: Tensor, mask: Tensor, parts: Tensor, *, finer: bool, eyes: float) -> Tensor:
    """10 DSSIM + 10 MSE of pictures (B, 3, S, S), both under `mask` (B, 1, S, S) blurred, as Quick96 has it.

    Where `finer`, structure is compared at half the size too and the mean square gives way to the mean distance.
    `eyes` weighs the mean distance where `parts` (B, 1, S, S), eyes and mouth, is 1.
    """
    soft = blurred(mask)
    one, other = drawn.float() * soft, face * soft
    apart = 1 - ssim(one, other).mean()
    if not finer:
        loss = WEIGHT * apart / 2 + WEIGHT * (one - other).square().mean()
    else:
        coarse = 1 - ssim(avg_pool2d(one, 2), avg_pool2d(other, 2)).mean()
        loss = WEIGHT * (apart + coarse) / 4 + WEIGHT * (one - other).abs().mean()
    if eyes:
        loss = loss + eyes * ((drawn.float() - face).abs() * parts).mean()
    return loss


def mask_loss(drawn: Tensor, mask: Tensor) -> Tensor:
    """10 MSE of masks (B, 1, S, S)."""
    return WEIGHT * (drawn.float() - mask).square().mean()


def blurred(mask: Tensor) -> Tensor:
    """(B, 1, S, S) under a Gaussian of S / 32 pixels, 3 for 96; beyond the edge is nothing."""
    size = mask.shape[-1]
    band = _whole(size, max(1.0, size / 32)).to(mask)
    return band @ mask @ band.T


def _window(size: int) -> int:
    return max(2, int(size / 11.6))


@lru_cache
def _valid(size: int, window: int) -> Tensor:
    """(size - window + 1, size): each row a Gaussian window a pixel further on."""
    places = torch.arange(window) - (window - 1) / 2
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    rows = torch.zeros(size - window + 1, size)
    for row in range(len(rows)):
        rows[row, row : row + window] = weights / weights.sum()
    return rows


@lru_cache
def _whole(size: int, sigma: float) -> Tensor:
    """(size, size): each row a Gaussian around its own pixel, cut off at the edge."""
    places = torch.arange(size)
    weights = torch.exp(-(places[:, None] - places).square() / (2 * sigma**2))
    rows: Tensor = weights / (sigma * (2 * torch.pi) ** 0.5)
    return rows
