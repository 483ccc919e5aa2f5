"""What the small face networks are made of.

TensorFlow's "same" padding puts the odd pixel of a stride of 2 at the right and at the bottom; PyTorch's puts it left.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Blaze", "Same"]


class Same(nn.Conv2d):
    """A convolution of 3x3 or more with TensorFlow's "same" padding, for sides that the stride divides."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H / stride, W / stride)."""
        total = self.kernel_size[0] - self.stride[0]
        before, after = total // 2, total - total // 2
        if before == after:
            return functional.conv2d(x, self.weight, self.bias, self.stride, before, groups=self.groups)
        padded = functional.pad(x, (before, after, before, after))
        return functional.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class Blaze(nn.Module):
    """A convolution of each channel by itself, one of 1x1 over all, and a skip beside both.

    The skip is pooled where the stride is 2, and given empty channels where it lacks some: Bazarevsky et al. 2019,
    BlazeFace, figure 1.
    """

    def __init__(self, channels: int, out: int, stride: int, act: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv = nn.Sequential(Same(channels, channels, 3, stride, groups=channels), nn.Conv2d(channels, out, 1))
        self.act = act(out)
        self.stride, self.more = stride, out - channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H / stride, W / stride)."""
        skip = functional.max_pool2d(x, 2) if self.stride == 2 else x
        y: Tensor = self.conv(x)
        if self.more:
            skip = functional.pad(skip, (0, 0, 0, 0, 0, self.more))
        return torch.as_tensor(self.act(skip + y))
