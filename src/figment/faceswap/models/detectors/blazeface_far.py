"""BlazeFace, full range: faces up to five metres away, from a twentieth of the picture's height.

Weights of MediaPipe 0.10.21 (face_detection_full_range_sparse).
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from figment.faceswap.faces import Found
from figment.faceswap.models import anchors
from figment.faceswap.models.crops import letterboxed
from figment.faceswap.models.stored import fill

__all__ = ["LABEL", "Network", "detect"]

LABEL = "BlazeFace far"
SIZE = 192
THRESHOLD = 0.56
"""Between the least sure of 879 portraits, 0.58, and the surest of what is none in them, 0.53."""
CENTRES = anchors.centres(((48, 1),))

# Of each stage on the way down: channels in the middle of its blocks, channels, blocks after the first.
_STAGES = ((16, 64, 2), (32, 128, 2), (48, 192, 2), (96, 384, 3))


def _separable(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution of each channel by itself, then one of 1x1 over all."""
    return nn.Sequential(nn.Conv2d(channels, channels, 3, stride, 1, groups=channels), nn.Conv2d(channels, out, 1))


class Block(nn.Module):
    """A double separable convolution through few channels; `x` is added where the shape stays."""

    def __init__(self, channels: int, middle: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.into = _separable(channels, middle, stride)
        self.out = _separable(middle, out)
        self.adds = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H / stride, W / stride)."""
        y = self.out(functional.relu(self.into(x)))
        return functional.relu(x + y if self.adds else y)


class Network(nn.Module):
    """Down to a 32nd and up again to a quarter of the size, where each place says whether a face is there."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), Block(32, 8, 32), Block(32, 8, 32))
        self.down, self.narrow = nn.ModuleList(), nn.ModuleList()
        channels = 32
        for (middle, width, more), narrow in zip(_STAGES, (48, 64, 96, 96), strict=True):
            blocks = [Block(width, middle, width) for _ in range(more)]
            self.down.append(nn.Sequential(Block(channels, middle, width, 2), *blocks))
            self.narrow.append(nn.Conv2d(width, narrow, 1))
            channels = width
        self.up = nn.ModuleList(
            [
                nn.Sequential(Block(96, 48, 96), Block(96, 48, 96), nn.Conv2d(96, 64, 1), nn.ReLU()),
                nn.Sequential(Block(64, 32, 64), Block(64, 32, 64), nn.Conv2d(64, 48, 1), nn.ReLU()),
                nn.Sequential(Block(48, 24, 48)),
            ]
        )
        self.scores = nn.Sequential(nn.Conv2d(48, 4, 1), nn.Conv2d(4, 4, 3, 2, 1, groups=4), nn.PixelShuffle(2))
        self.boxes = nn.Sequential(nn.Conv2d(48, 64, 1), nn.Conv2d(64, 64, 3, 2, 1, groups=64), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 192, 192) in [-1, 1] to values (B, 2304, 16) in pixels from the anchors, and logits (B, 2304)."""
        x = self.stem(x)
        sides = []
        for stage, narrow in zip(self.down, self.narrow, strict=True):
            x = stage(x)
            sides.append(functional.relu(narrow(x)))
        x = sides.pop()
        for stage in self.up:
            larger = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = stage(larger + sides.pop())
        logits, values = self.scores(x), self.boxes(x)
        return values.flatten(2).transpose(1, 2), logits.flatten(1)


@cache
def _network() -> Network:
    return fill(Network(), "blazeface_far")


@torch.inference_mode()
def detect(frames: NDArray[np.uint8]) -> list[list[Found]]:
    """For each of (B, H, W, 3) frames, the faces in it, the surest first."""
    small, factor, corner = letterboxed(frames, SIZE)
    values, logits = _network()(small / 127.5 - 1)
    return anchors.placed(values, logits, CENTRES, SIZE, THRESHOLD, factor, corner)
