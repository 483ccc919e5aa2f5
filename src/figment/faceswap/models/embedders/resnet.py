"""dlib's residual network, as face-api.js carries it: 128 numbers, 99.4 % on Labeled Faces in the Wild by its author.

Davis King 2017, dlib_face_recognition_resnet_model_v1; He et al. 2016. Weights of @vladmandic/face-api 1.7.15.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from figment.faceswap.models import chips
from figment.faceswap.models.stored import fill

__all__ = ["LABEL", "SAME", "Network", "embed"]

LABEL = "ResNet 128"
SAME = 0.92
SIZE = 150
MEAN = (122.782, 117.001, 104.298)
"""Red, green and blue of the faces that it was trained on."""

# Channels of each block, and whether it halves the size.
_BLOCKS = (
    *((32, False),) * 3,
    *((64, True), (64, False), (64, False), (64, False)),
    *((128, True), (128, False), (128, False)),
    *((256, True), (256, False), (256, False), (256, True)),
)


class Block(nn.Module):
    """Two 3x3 convolutions beside a skip, which is pooled where the block halves the size."""

    def __init__(self, channels: int, out: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = nn.Conv2d(channels, out, 3, 2 if halves else 1, 0 if halves else 1)
        self.second = nn.Conv2d(out, out, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H, W) or about half of it."""
        y = self.second(functional.relu(self.first(x)))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
            x = functional.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
            y = functional.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return functional.relu(x + y)


class Network(nn.Module):
    """A crop to 128 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.blocks = nn.Sequential()
        channels = 32
        for out, halves in _BLOCKS:
            self.blocks.append(Block(channels, out, halves))
            channels = out
        self.out = nn.Linear(256, 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 150, 150) in [0, 255] to (B, 128), faces of one person being within 0.6 of each other."""
        x = (x - x.new_tensor(MEAN)[:, None, None]) / 255
        return torch.as_tensor(self.out(self.blocks(self.stem(x)).mean((2, 3))))


@cache
def _network() -> Network:
    return fill(Network(), "resnet128")


def embed(frame: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 128) of the faces in an (H, W, 3) frame whose points are (N, 68, 2)."""
    return chips.embedded(_network(), frame, landmarks, chips.DLIB, SIZE)
