"""How close a picture is to the one it should be: PSNR and SSIM."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

__all__ = ["psnr", "ssim", "ssim_map"]

WINDOW, DEVIATION = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


def psnr(made: Tensor, wanted: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (B,) in dB of pictures (B, C, H, W) in [-1, 1]; infinite for equal ones."""
    error = ((made - wanted) / 2).square().flatten(1).mean(dim=1)
    return -10 * error.log10()


def ssim(made: Tensor, wanted: Tensor) -> Tensor:
    """Structural similarity (B,) of pictures (B, C, H, W) in [-1, 1], at least 11 pixels a side (Wang et al. 2004).

    The mean over channels and over all windows that lie inside the picture.
    """
    return ssim_map(made, wanted).flatten(1).mean(dim=1)


def ssim_map(made: Tensor, wanted: Tensor) -> Tensor:
    """Structural similarity (B, C, H - 10, W - 10) of each window, by its middle; otherwise as `ssim`."""
    x, y = ((picture.double() + 1) / 2 for picture in (made, wanted))
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    lightness = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return structure * lightness


def _blurred(pictures: Tensor) -> Tensor:
    """Gaussian-weighted means of all whole windows."""
    places = torch.arange(WINDOW, dtype=pictures.dtype, device=pictures.device) - WINDOW // 2
    weights = torch.exp(-(places**2) / (2 * DEVIATION**2))
    weights = weights / weights.sum()
    channels = pictures.shape[1]
    down, across = (weights.view(shape).repeat(channels, 1, 1, 1) for shape in ((1, 1, WINDOW, 1), (1, 1, 1, WINDOW)))
    return conv2d(conv2d(pictures, down, groups=channels), across, groups=channels)
