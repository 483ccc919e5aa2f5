"""The 68 points of face-api.js: a small densely connected network.

Weights of @vladmandic/face-api 1.7.15, trained by Vincent Mühler on some 35,000 faces.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from figment.faceswap.affine import backward, moved
from figment.faceswap.faces import Found
from figment.faceswap.models.blocks import Same
from figment.faceswap.models.crops import around, cropped
from figment.faceswap.models.stored import fill

__all__ = ["LABEL", "Network", "landmarks"]

LABEL = "Dense 68"
SIZE = 112
ROOM = 1.1
"""Side of the crop as a multiple of the longer side of the face."""
LOWER = 0.1
"""How far the crop's middle lies below the face's, in the same unit."""
MEAN = (122.782, 117.001, 104.298)
"""Red, green and blue of the faces that it was trained on."""


def _separable(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(Same(channels, channels, 3, stride, groups=channels, bias=False), nn.Conv2d(channels, out, 1))


class Block(nn.Module):
    """Four convolutions, each of the sum of all before it."""

    def __init__(self, first: nn.Module, channels: int) -> None:
        super().__init__()
        self.first = first
        self.rest = nn.ModuleList([_separable(channels, channels) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H / 2, W / 2)."""
        total = functional.relu(self.first(x))
        x = total
        for conv in self.rest:
            total = total + conv(x)
            x = functional.relu(total)
        return x


class Network(nn.Module):
    """A crop to 68 points."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(Same(3, 32, 3, 2), 32))
        for channels in (32, 64, 128):
            self.blocks.append(Block(_separable(channels, 2 * channels, 2), 2 * channels))
        self.points = nn.Linear(256, 136)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 112, 112) in [0, 255] to points (B, 68, 2) in shares of its side."""
        x = (x - x.new_tensor(MEAN)[:, None, None]) / 255
        return torch.as_tensor(self.points(self.blocks(x).mean((2, 3)))).reshape(-1, 68, 2)


@cache
def _network() -> Network:
    return fill(Network(), "dense68")


def landmarks(frame: NDArray[np.uint8], found: Sequence[Found]) -> NDArray[np.float32]:
    """(N, 68, 2) points of the N faces found in an (H, W, 3) frame."""
    if not found:
        return np.zeros((0, 68, 2), np.float32)
    first = _asked(frame, [face.corners for face in found], found)
    return _asked(frame, list(first), found)


@torch.inference_mode()
def _asked(frame: NDArray[np.uint8], places: list[NDArray[np.float32]], found: Sequence[Found]) -> NDArray[np.float32]:
    crops = [around(place, face.angle, SIZE, ROOM, LOWER) for place, face in zip(places, found, strict=True)]
    pictures = torch.stack([cropped(frame, crop, SIZE) for crop in crops])
    points = _network()(pictures.contiguous(memory_format=torch.channels_last)).numpy() * SIZE - 0.5
    back = [moved(face, backward(crop)) for face, crop in zip(points, crops, strict=True)]
    return np.stack(back).astype(np.float32)
