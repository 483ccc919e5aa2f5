"""The network that swaps: one encoder that knows both faces, and a decoder for each of them.

What the encoder tells of a face of dst, its pose and expression, is drawn by the decoder of src: the other face doing
the same. The layers are those of DeepFaceLab's Quick96 ("df-ud"); presets differ in their widths.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pixel_shuffle

from figment.core import checkpoint
from figment.core.checkpoint import Metadata
from figment.core.config import Field, config, from_dict, to_dict
from figment.core.errors import CheckpointError
from figment.faceswap.faces import FaceType, Found
from figment.faceswap.merge.drawing import Swapper
from figment.faceswap.models import landmarkers

__all__ = ["PARTS", "Shape", "SwapModel", "SwapNetwork"]

PARTS = ("encoder", "inter", "decoder_src", "decoder_dst")
FAMILY = "faceswap"
AT_ONCE = 16
"""Most faces that go through the network together when swapping."""

Side = Literal["src", "dst"]
Faces = NDArray[np.float32]


@config
class Shape:
    """How wide the network is."""

    size: Annotated[int, Field(ge=32, le=512, multiple_of=32)] = 96
    """Width and height of a face in pixels."""
    encoder: Annotated[int, Field(ge=4, le=512)] = 64
    """Channels after the encoder's first layer; each of the three others doubles them."""
    inner: Annotated[int, Field(ge=4, le=1024)] = 128
    """Numbers that a face is told in, and channels of what the decoders are given."""
    decoder: Annotated[int, Field(ge=4, le=512)] = 64
    """Channels of a decoder: eight times as many at first, twice as many at last."""
    mask: Annotated[int, Field(ge=2, le=128)] = 16
    """Channels of the mask before its last layer."""


class Encoder(nn.Module):
    """(B, 3, S, S) in [0, 1] to (B, 8 * encoder * (S / 16)^2), of mean square 1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = [3, *(shape.encoder << step for step in range(4))]
        self.downs = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 5, 2, 2) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Features of a face, in the order channel, row, column."""
        for down in self.downs:
            x = leaky_relu(down(x), 0.1)
        flat = x.contiguous().flatten(1).float()
        return flat * (flat.square().mean(1, keepdim=True) + 1e-6).rsqrt()


class Inter(nn.Module):
    """Features to (B, inner, S / 16, S / 16), through `inner` numbers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.inner, self.side = shape.inner, shape.size // 32
        features = 8 * shape.encoder * (shape.size // 16) ** 2
        self.dense1 = nn.Linear(features, shape.inner)
        self.dense2 = nn.Linear(shape.inner, self.side**2 * shape.inner)
        self.upscale1 = Upscale(shape.inner, shape.inner)

    def forward(self, features: Tensor) -> Tensor:
        """What the decoders draw from."""
        x = self.dense2(self.dense1(features)).reshape(-1, self.inner, self.side, self.side)
        drawn: Tensor = self.upscale1(x)
        return drawn


class Upscale(nn.Module):
    """(B, C, H, W) to (B, width, 2 H, 2 W)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4 * width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Four channels become the four pixels of a square."""
        return pixel_shuffle(leaky_relu(self.conv1(x), 0.1), 2)


class Residual(nn.Module):
    """(B, C, H, W) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """What the block changes is added to what it is given."""
        return leaky_relu(x + self.conv2(leaky_relu(self.conv1(x), 0.2)), 0.2)


class Decoder(nn.Module):
    """Draws one person, and where in the square the face is."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = [shape.inner, *(shape.decoder * share for share in (8, 4, 2))]
        masks = [shape.inner, *(shape.mask * share for share in (8, 4, 2, 1))]
        self.upscales = nn.ModuleList(Upscale(widths[i], widths[i + 1]) for i in range(3))
        self.residuals = nn.ModuleList(Residual(width) for width in widths[1:])
        self.pixels = nn.ModuleList(nn.Conv2d(widths[-1], 3, kernel, padding=kernel // 2) for kernel in (1, 3, 3, 3))
        self.mask_upscales = nn.ModuleList(Upscale(masks[i], masks[i + 1]) for i in range(4))
        self.mask_out = nn.Conv2d(masks[-1], 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Face (B, 3, S, S) and mask (B, 1, S, S), both in [0, 1]."""
        return self.face(x), self.mask(x)

    def face(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1]."""
        for upscale, residual in zip(self.upscales, self.residuals, strict=True):
            x = residual(upscale(x))
        quarters = torch.stack([pixel(x) for pixel in self.pixels], 2)  # (B, 3, 4, S / 2, S / 2)
        return pixel_shuffle(quarters.flatten(1, 2), 2).float().sigmoid()

    def mask(self, x: Tensor) -> Tensor:
        """(B, 1, S, S) in [0, 1]: where the face is."""
        for upscale in self.mask_upscales:
            x = upscale(x)
        mask: Tensor = self.mask_out(x).float().sigmoid()
        return mask


class SwapNetwork(nn.Module):
    """Encoder, inter and two decoders."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder, self.inter = Encoder(shape), Inter(shape)
        self.decoder_src, self.decoder_dst = Decoder(shape), Decoder(shape)
        self.apply(_start)

    def forward(self, faces: Tensor, side: Side) -> tuple[Tensor, Tensor]:
        """`faces` (B, 3, S, S) in [0, 1] as the person of `side`: face (B, 3, S, S) and mask (B, 1, S, S) in [0, 1]."""
        told = self.inter(self.encoder(faces))
        drawn: tuple[Tensor, Tensor] = self.decoder_src(told) if side == "src" else self.decoder_dst(told)
        return drawn


class SwapModel:
    """A network that merging can use, with what its file says."""

    def __init__(self, network: SwapNetwork, face_type: FaceType = FaceType.FULL) -> None:
        """Swap with `network`, which learnt faces of the type `face_type`."""
        self.network, self.face_type = network.eval(), face_type
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # it is one
        self.size = network.shape.size

    @classmethod
    def load(cls, path: Path) -> "SwapModel":
        """The model in the safetensors file at `path`. Raises CheckpointError."""
        tensors, metadata = checkpoint.load(path)
        if metadata.family != FAMILY:
            raise CheckpointError(f"{path} is a model of the family {metadata.family}; give one that swaps faces.")
        try:
            network = SwapNetwork(from_dict(Shape, metadata.config))
            network.load_state_dict(dict(tensors))
            return cls(network, FaceType(metadata.extra["face_type"]))
        except (RuntimeError, KeyError, ValueError) as error:
            raise CheckpointError(f"{path} does not hold what its header says ({error}); copy it again.") from error

    def save(self, path: Path, steps: int, figures: dict[str, float], extra: dict[str, Any] | None = None) -> None:
        """Write the model atomically, with how many `steps` it was trained and the last `figures`."""
        said = {**(extra or {}), "face_type": str(self.face_type)}
        shape = to_dict(self.network.shape)
        metadata = Metadata(FAMILY, shape, steps={"swap": steps}, metrics=figures, extra=said)
        checkpoint.save(path, self.network.state_dict(), metadata)

    def swapper(self) -> Swapper:
        """What merging takes."""
        return Swapper(self.swap, self.size, self.face_type, self.digest, points=_points)

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        digest = hashlib.sha256()
        for name, tensor in self.network.state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def swap(self, faces: NDArray[np.uint8]) -> tuple[Faces, Faces, Faces]:
        """Faces of dst (B, S, S, 3), 0 to 255, as the person of src: (B, S, S, 3) in [0, 1].

        Also two masks (B, S, S) in [0, 1]: of the face drawn, and of the face that was given.
        """
        device = next(self.network.parameters()).device
        drawn: list[tuple[Faces, Faces, Faces]] = []
        for start in range(0, len(faces), AT_ONCE):
            pixels = torch.from_numpy(faces[start : start + AT_ONCE]).to(device).permute(0, 3, 1, 2).float() / 255
            told = self.network.inter(self.network.encoder(pixels))
            (rgb, mask), covered = self.network.decoder_src(told), self.network.decoder_dst.mask(told)
            drawn.append((_array(rgb.permute(0, 2, 3, 1)), _array(mask[:, 0]), _array(covered[:, 0])))
        if not drawn:
            empty = np.zeros((0, self.size, self.size), np.float32)
            return np.repeat(empty[..., None], 3, 3), empty, empty
        rgb_all, predicted, target = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        return rgb_all, predicted, target


def _start(layer: nn.Module) -> None:
    """Glorot & Bengio 2010, uniform, as DeepFaceLab starts its layers; biases are 0."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _points(face: NDArray[np.uint8], near: NDArray[np.float32]) -> NDArray[np.float32]:
    """(68, 2) of a drawn face (S, S, 3), whose points are looked for around `near` (68, 2)."""
    points: NDArray[np.float32] = landmarkers.find(landmarkers.DEFAULT).landmarks(face, [Found.around(near)])[0]
    return points


def _array(tensor: Tensor) -> Faces:
    array: Faces = tensor.cpu().numpy()
    return array
