"""A light f8 autoencoder with a Gaussian latent (Rombach et al. 2022, stage one)."""

from typing import Annotated

import torch
from torch import Tensor, nn

from figment.core.config import Field, config
from figment.nn.convolution import Downsample, ResidualBlock, Upsample

__all__ = ["Autoencoder", "AutoencoderConfig"]


@config
class AutoencoderConfig:
    """Sizes of the autoencoder."""

    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the picture."""
    latent_channels: Annotated[int, Field(ge=1, le=64)] = 8
    """Channels of the latent."""
    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 64
    """Channels at half resolution; doubled at a quarter, four times at an eighth."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 2
    """Residual blocks at each resolution of the decoder; the encoder has half as many, rounded up."""


class Autoencoder(nn.Module):
    """Pictures (B, C, H, W) in [-1, 1] to latents (B, Z, H/8, W/8) and back.

    Full resolution, where a plain autoencoder spends most of its time, has one convolution: pixels that came straight
    out of a shuffle would keep its checkerboard.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        half, quarter, eighth = config.width, 2 * config.width, 4 * config.width
        few, many = (config.blocks + 1) // 2, config.blocks
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * config.channels, half // 2, 3, padding=1),
            Downsample(half // 2, quarter),
            *(ResidualBlock(quarter) for _ in range(few)),
            Downsample(quarter, eighth),
            *(ResidualBlock(eighth) for _ in range(few)),
            nn.GroupNorm(8, eighth),
            nn.SiLU(),
            nn.Conv2d(eighth, 2 * config.latent_channels, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(config.latent_channels, eighth, 3, padding=1),
            *(ResidualBlock(eighth) for _ in range(many)),
            Upsample(eighth, quarter),
            *(ResidualBlock(quarter) for _ in range(many)),
            Upsample(quarter, half),
            *(ResidualBlock(half) for _ in range(many)),
            nn.GroupNorm(8, half),
            nn.SiLU(),
            Upsample(half, half // 2),
            nn.SiLU(),
            nn.Conv2d(half // 2, config.channels, 3, padding=1),
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this overload

    @property
    def last_weight(self) -> Tensor:
        """Weight of the last convolution, at which losses are balanced."""
        weight = self.decoder[-1].weight
        assert isinstance(weight, Tensor)
        return weight

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent, each (B, Z, H/8, W/8)."""
        mean, log_variance = self.encoder(images.contiguous(memory_format=torch.channels_last)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, C, H, W) of latents; not clamped."""
        pictures: Tensor = self.decoder(latents.contiguous(memory_format=torch.channels_last))
        return pictures.float()
