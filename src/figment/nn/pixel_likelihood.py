"""How a network that goes pixel by pixel says what the next pixel is: numbers (B, K, H, W) to a likelihood.

"binary": a logit of white. "softmax": a logit for each of the 256 values of a grey pixel. "mixture": a discretised
mixture of logistic distributions (Salimans et al. 2017, PixelCNN++, section 2.1), in which later channels of a pixel
lean on earlier ones.
"""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus

from figment.core.errors import DataError, InputError

__all__ = ["COMPONENTS", "LEAST_LOG_SCALE", "Likelihood", "outputs", "pixel_nats"]

Likelihood = Literal["binary", "softmax", "mixture"]

COMPONENTS = 10
LEAST_LOG_SCALE = -7.0
HALF_BIN = 1 / 255


def outputs(likelihood: Likelihood, channels: int) -> int:
    """Numbers K that a network must say of a pixel of `channels` channels. Raises InputError for softmax of colours."""
    if likelihood == "mixture":
        return COMPONENTS * (1 + 2 * channels + channels * (channels - 1) // 2)
    if channels != 1:
        raise InputError(f"The likelihood '{likelihood}' is for grey pictures; those of {channels} need 'mixture'.")
    return 1 if likelihood == "binary" else 256


def pixel_nats(likelihood: Likelihood, said: Tensor, images: Tensor) -> Tensor:
    """Cost (B, H, W) in nats of the pixels of 8-bit `images` (B, C, H, W) in [-1, 1]; a network `said` (B, K, H, W).

    Raises DataError for a picture that is not black and white where "binary" is expected.
    """
    if likelihood == "binary":
        if not bool((images.abs() == 1).all()):
            raise DataError("The likelihood 'binary' is for black and white pictures, such as --data binary:NAME has.")
        return binary_cross_entropy_with_logits(said[:, 0].float(), (images[:, 0] + 1) / 2, reduction="none")
    if likelihood == "softmax":
        values = ((images[:, 0] + 1) * 127.5).round().long()
        return cross_entropy(said.float(), values, reduction="none")
    return _mixture_nats(said.float(), images)


def _mixture_nats(said: Tensor, images: Tensor) -> Tensor:
    channels = images.shape[1]
    parts = said.view(len(said), COMPONENTS, -1, *said.shape[2:])  # (B, M, 1 + 2C + C(C-1)/2, H, W)
    logits, means = parts[:, :, 0], parts[:, :, 1 : 1 + channels]
    log_scales = parts[:, :, 1 + channels : 1 + 2 * channels].clamp(min=LEAST_LOG_SCALE)
    leaning = parts[:, :, 1 + 2 * channels :].tanh()
    masses, pair = [], 0
    for channel in range(channels):
        mean = means[:, :, channel]
        for earlier in range(channel):
            mean = mean + leaning[:, :, pair] * images[:, earlier, None]
            pair += 1
        masses.append(_log_mass(images[:, channel, None], mean, log_scales[:, :, channel]))
    of_components = torch.log_softmax(logits, dim=1) + torch.stack(masses).sum(dim=0)
    return -of_components.logsumexp(dim=1)


def _log_mass(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """log of a logistic distribution's mass in the bin of `x`; the outermost bins reach to infinity."""
    steep = (-log_scale).exp()
    upper, lower = steep * (x - mean + HALF_BIN), steep * (x - mean - HALF_BIN)
    mass = upper.sigmoid() - lower.sigmoid()
    middle = steep * (x - mean)  # where the mass is too small to subtract: density times width
    thin = middle - log_scale - 2 * softplus(middle) + math.log(2 * HALF_BIN)
    inside = torch.where(mass > 1e-5, mass.clamp(min=1e-12).log(), thin)
    lowest, highest = upper - softplus(upper), -softplus(lower)
    return torch.where(x < HALF_BIN - 1, lowest, torch.where(x > 1 - HALF_BIN, highest, inside))
