"""Face Mesh: 468 points of a mask in space, of which 68 are read off.

Kartynnik et al. 2019, "Real-time facial surface geometry from monocular video on mobile GPUs"; weights of MediaPipe
0.10.21. The crop follows the face: the network is asked twice, the second time where the first says the face is.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from figment.faceswap.faces import Found
from figment.faceswap.models.blocks import Blaze, Same
from figment.faceswap.models.crops import Matrix, around, backward, cropped, moved
from figment.faceswap.models.stored import fill, tensors

__all__ = ["LABEL", "Network", "landmarks", "mesh"]

LABEL = "Face Mesh"
SIZE = 192
ROOM = 1.5
"""Side of the crop as a multiple of the longer side of the face, as in training."""
EYES = ((33, 133), (362, 263))
"""Corners of the eye in the left and in the right of an upright picture."""
AT_ONCE = 32

_WIDTHS = (16, 16, (32, 2), 32, 32, (64, 2), 64, 64, (128, 2), 128, 128, (128, 2), 128, 128)


def _blaze(channels: int, out: int, stride: int = 1) -> Blaze:
    return Blaze(channels, out, stride, nn.PReLU)


def _head(values: int) -> nn.Sequential:
    narrow = (nn.Conv2d(128, 32, 1), nn.PReLU(32), _blaze(32, 32))
    return nn.Sequential(_blaze(128, 128, 2), *narrow, nn.Conv2d(32, values, 3))


class Network(nn.Module):
    """A crop to 468 points in space, and how sure it is that there is a face."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(Same(3, 16, 3, 2), nn.PReLU(16))
        channels = 16
        for width in _WIDTHS:
            out, stride = width if isinstance(width, tuple) else (width, 1)
            self.trunk.append(_blaze(channels, out, stride))
            channels = out
        self.points = _head(468 * 3)
        self.points.insert(1, nn.Sequential(_blaze(128, 128), _blaze(128, 128)))
        self.sure = _head(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 192, 192) in [0, 1] to points (B, 468, 3) in pixels of it, and logits (B,)."""
        x = self.trunk(x)
        return self.points(x).reshape(-1, 468, 3), self.sure(x).flatten()


@cache
def _network() -> Network:
    return fill(Network(), "face_mesh")


@cache
def _reading() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Numbers (68, K) of the mesh's points that each landmark lies between, and their shares."""
    stored = tensors("face_mesh_68")
    return stored["index"].numpy(), stored["share"].numpy()


def landmarks(frame: NDArray[np.uint8], found: Sequence[Found]) -> NDArray[np.float32]:
    """(N, 68, 2) points of the N faces found in an (H, W, 3) frame."""
    index, share = _reading()
    return np.asarray(np.einsum("nlkc,lk->nlc", mesh(frame, found)[0][:, index, :2], share), np.float32)


def mesh(frame: NDArray[np.uint8], found: Sequence[Found]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Masks (N, 468, 3) of N faces in pixels of the frame, and (N,) how sure it is, from 0 to 1, that each is a face.

    The third coordinate grows away from the camera, in the same unit; its zero is near the middle of the head.
    """
    if not found:
        return np.zeros((0, 468, 3), np.float32), np.zeros(0, np.float32)
    crops = [around(face.corners, face.angle, SIZE, ROOM) for face in found]
    points, _ = _asked(frame, crops)
    return _asked(frame, [around(face[:, :2], _angle(face), SIZE, ROOM) for face in points])


def _angle(points: NDArray[np.float32]) -> float:
    left, right = (points[list(corners), :2].mean(0) for corners in EYES)
    return float(np.arctan2(*(right - left)[::-1]))


@torch.inference_mode()
def _asked(frame: NDArray[np.uint8], crops: list[Matrix]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    pictures = torch.stack([cropped(frame, crop, SIZE) for crop in crops]) / 255
    answers = [
        _network()(some.contiguous(memory_format=torch.channels_last)) for some in torch.split(pictures, AT_ONCE)
    ]
    points = torch.cat([answer[0] for answer in answers]).numpy()
    for face, crop in zip(points, crops, strict=True):
        back = backward(crop)
        face[:, :2] = moved(face[:, :2] - 0.5, back)
        face[:, 2] *= np.hypot(back[0, 0], back[1, 0])
    return points, torch.sigmoid(torch.cat([answer[1] for answer in answers])).numpy()
