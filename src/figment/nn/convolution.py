"""Convolutional blocks that autoencoders, critics and feature networks share."""

from torch import Tensor, nn
from torch.nn.functional import silu

__all__ = ["Downsample", "ResidualBlock", "Upsample"]


class ResidualBlock(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))))) at one resolution; the second convolution starts at zero."""

    def __init__(self, channels: int, groups: int = 8) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(groups, channels)
        self.conv_in = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_out = nn.GroupNorm(groups, channels)
        self.conv_out = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv_in(silu(self.norm_in(x)))
        out: Tensor = x + self.conv_out(silu(self.norm_out(hidden)))
        return out


class Downsample(nn.Sequential):
    """Half the height and width by a strided convolution."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(nn.Conv2d(channels, out_channels, 3, stride=2, padding=1))


class Upsample(nn.Sequential):
    """Twice the height and width by sub-pixel convolution (Shi et al. 2016)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(nn.Conv2d(channels, 4 * out_channels, 1), nn.PixelShuffle(2))
