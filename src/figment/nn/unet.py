"""A U-shaped network that predicts noise (Ho et al. 2020), with the blocks of Nichol & Dhariwal 2021."""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from figment.core.config import Field, config
from figment.nn.attention import attend

__all__ = ["UNet", "UNetConfig"]

GROUPS = 8


@config
class UNetConfig:
    """Sizes of the network."""

    width: Annotated[int, Field(ge=8, le=1024, multiple_of=8)] = 64
    """Channels at full resolution."""
    multiples: Annotated[tuple[int, ...], Field(min_length=1, max_length=8)] = (1, 2, 2)
    """Channels at each level as multiples of the width; every level has half the resolution of the one before."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 2
    """Residual blocks at each level on the way down; one more on the way up."""
    attention_from: Annotated[int, Field(ge=0, le=8)] = 1
    """First level with self-attention, counted from 0 at full resolution."""
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    """Attention heads; must divide the channels."""


class UNet(nn.Module):
    """Pictures (B, C, H, W) and condition vectors (B, condition) to pictures (B, out, H, W), float32.

    Sides may be odd at any level: on the way up a level takes the size that it had on the way down.
    """

    def __init__(self, settings: UNetConfig, channels: int, out: int, condition: int) -> None:
        super().__init__()
        widths = [settings.width * multiple for multiple in settings.multiples]
        self.stem = nn.Conv2d(channels, settings.width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        kept = [settings.width]  # channels of what each step of the way down leaves for the way up
        now = settings.width
        for level, width in enumerate(widths):
            attends = level >= settings.attention_from
            for _ in range(settings.blocks):
                self.down.append(_Stage(now, width, condition, settings.heads if attends else 0))
                now = width
                kept.append(now)
            if level < len(widths) - 1:
                self.shrink.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
                kept.append(now)
        self.middle = nn.ModuleList([_Stage(now, now, condition, settings.heads), _Stage(now, now, condition, 0)])
        for level, width in reversed(list(enumerate(widths))):
            attends = level >= settings.attention_from
            for _ in range(settings.blocks + 1):
                self.up.append(_Stage(now + kept.pop(), width, condition, settings.heads if attends else 0))
                now = width
            if level:
                self.grow.append(nn.Conv2d(now, now, 3, padding=1))
        self.blocks, self.levels = settings.blocks, len(widths)
        self.norm = nn.GroupNorm(GROUPS, now)
        self.head = nn.Conv2d(now, out, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # a convolution with a bias has one
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this overload

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """The prediction for noisy `x`; `condition` says at which time and of what."""
        down, up, shrink, grow = (iter(part) for part in (self.down, self.up, self.shrink, self.grow))
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        kept = [x]
        for level in range(self.levels):
            for _ in range(self.blocks):
                x = next(down)(x, condition)
                kept.append(x)
            if level < self.levels - 1:
                x = next(shrink)(x)
                kept.append(x)
        for stage in self.middle:
            x = stage(x, condition)
        for level in reversed(range(self.levels)):
            for _ in range(self.blocks + 1):
                x = next(up)(torch.cat([x, kept.pop()], dim=1), condition)
            if level:
                x = next(grow)(interpolate(x, size=kept[-1].shape[2:], mode="nearest"))
        out: Tensor = self.head(silu(self.norm(x)))
        return out.float()


class _Stage(nn.Module):
    """A residual block that the condition scales and shifts, then self-attention where there are `heads`."""

    def __init__(self, channels: int, out: int, condition: int, heads: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(GROUPS, channels)
        self.conv_in = nn.Conv2d(channels, out, 3, padding=1)
        self.condition = nn.Linear(condition, 2 * out)
        self.norm_out = nn.GroupNorm(GROUPS, out)
        self.conv_out = nn.Conv2d(out, out, 3, padding=1)
        self.skip = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()
        self.attention = _SelfAttention(out, heads) if heads else nn.Identity()
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = self.conv_in(silu(self.norm_in(x)))
        scale, shift = self.condition(silu(condition))[:, :, None, None].chunk(2, dim=1)
        hidden = self.conv_out(silu(self.norm_out(hidden) * (1 + scale) + shift))
        out: Tensor = self.attention(self.skip(x) + hidden)
        return out


class _SelfAttention(nn.Module):
    """Every place looks at every other."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        joined = self.qkv(self.norm(x)).flatten(2).view(batch, 3, self.heads, -1, height * width)
        query, key, value = joined.transpose(3, 4).unbind(1)
        mixed = attend(query, key, value).transpose(2, 3).reshape(batch, channels, height, width)
        out: Tensor = x + self.out(mixed)
        return out
