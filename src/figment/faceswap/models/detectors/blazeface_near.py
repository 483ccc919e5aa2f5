"""BlazeFace, short range: faces that are at least a fifth of the picture high, as in the selfies it was trained on.

Bazarevsky et al. 2019, "BlazeFace: sub-millisecond neural face detection on mobile GPUs"; weights of MediaPipe 0.10.21.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from figment.faceswap.faces import Found
from figment.faceswap.models import anchors
from figment.faceswap.models.blocks import Blaze, Same
from figment.faceswap.models.crops import letterboxed
from figment.faceswap.models.stored import fill

__all__ = ["LABEL", "Network", "detect"]

LABEL = "BlazeFace near"
SIZE = 128
THRESHOLD = 0.6
"""Between the least sure of 879 portraits, 0.83, and the surest of what is none in them, 0.51."""
CENTRES = anchors.centres(((16, 2), (8, 6)))

# Channels after each block; a stride of 2 where a pair says so.
_WIDTHS = (24, 28, (32, 2), 36, 42, (48, 2), 56, 64, 72, 80, 88, (96, 2), 96, 96, 96, 96)
_FINE = 11
"""Blocks before the first grid of boxes is read."""


class Network(nn.Module):
    """Says of each of 896 places how sure it is of a face there, and where its box and six points are."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Same(3, 24, 5, 2), nn.ReLU())
        self.blocks = nn.Sequential()
        channels = 24
        for width in _WIDTHS:
            out, stride = width if isinstance(width, tuple) else (width, 1)
            self.blocks.append(Blaze(channels, out, stride, lambda _: nn.ReLU()))
            channels = out
        self.scores = nn.ModuleList([nn.Conv2d(88, 2, 1), nn.Conv2d(96, 6, 1)])
        self.boxes = nn.ModuleList([nn.Conv2d(88, 32, 1), nn.Conv2d(96, 96, 1)])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 128, 128) in [-1, 1] to values (B, 896, 16) in pixels from the anchors, and logits (B, 896)."""
        fine = self.blocks[:_FINE](self.stem(x))
        levels = (fine, self.blocks[_FINE:](fine))
        scores = [_listed(head(level), 1) for head, level in zip(self.scores, levels, strict=True)]
        boxes = [_listed(head(level), 16) for head, level in zip(self.boxes, levels, strict=True)]
        return torch.cat(boxes, 1), torch.cat(scores, 1)[..., 0]


def _listed(x: Tensor, count: int) -> Tensor:
    """(B, boxes * count, H, W) to (B, H * W * boxes, count)."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1, count)


@cache
def _network() -> Network:
    return fill(Network(), "blazeface_near")


@torch.inference_mode()
def detect(frames: NDArray[np.uint8]) -> list[list[Found]]:
    """For each of (B, H, W, 3) frames, the faces in it, the surest first."""
    small, factor, corner = letterboxed(frames, SIZE)
    values, logits = _network()(small / 127.5 - 1)
    return anchors.placed(values, logits, CENTRES, SIZE, THRESHOLD, factor, corner)
