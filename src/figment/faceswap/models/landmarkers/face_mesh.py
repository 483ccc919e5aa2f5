"""Face Mesh: 468 points of a mask in space, of which 68 are read off; lips and eyes are looked at a second time.

Kartynnik et al. 2019, "Real-time facial surface geometry from monocular video on mobile GPUs"; Grishchenko et al. 2020,
"Attention mesh: high-fidelity face mesh prediction in real-time"; weights of MediaPipe 0.10.21. The crop follows the
face: the network is asked again where it says that the face is.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from figment.faceswap.affine import Matrix, backward, moved
from figment.faceswap.faces import Found
from figment.faceswap.models.blocks import Blaze, Same
from figment.faceswap.models.crops import around, cropped
from figment.faceswap.models.stored import fill, tensors

__all__ = ["EYES", "LABEL", "SIZE", "Network", "landmarks", "mesh"]

LABEL = "Face Mesh"
SIZE = 192
ROOM = 1.5
"""Side of a crop as a multiple of what it holds, as in training; of the face, and in it of the lips and the eyes."""
EYES = ((33, 133), (362, 263))
"""Corners of the eye in the left and in the right of an upright picture."""
FINE = 48
"""Side of the features in which lips and eyes are looked for again."""
PART = 16
"""Side of what is cut out of them."""
TRIES = 3
"""Most looks until the crop is level; a detector may be wrong by a good deal about how a face is turned."""
AT_ONCE = 32

# fmt: off
# Points of the lips, of the left eye and of the right one with its brow, in the order in which they are told.
PARTS = (
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78, 95, 88, 178, 87,
     14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77, 90, 180, 85, 16, 315, 404, 320,
     307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408, 62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42,
     41, 38, 12, 268, 271, 272, 407),
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112,
     243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221,
     189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252,
     256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444,
     443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293,
     334, 296, 336, 285, 417),
)
# fmt: on
LEVEL = ((61, 291), *EYES)
"""Two points of each part between which it is level."""


def _blaze(channels: int, out: int, stride: int = 1) -> Blaze:
    return Blaze(channels, out, stride, nn.PReLU)


def _pairs(*widths: int) -> list[Blaze]:
    """For each width a block that halves the size, and two more."""
    blocks: list[Blaze] = []
    for channels, out in pairwise(widths):
        blocks += [_blaze(channels, out, 2), _blaze(out, out), _blaze(out, out)]
    return blocks


def _narrow() -> list[nn.Module]:
    return [nn.Conv2d(128, 32, 1), nn.PReLU(32), _blaze(32, 32)]


def _part(points: int) -> nn.Sequential:
    """Features of a part, (B, 32, 16, 16), to its points, (B, 2 * points, 1, 1)."""
    blocks = [_blaze(32, 32), _blaze(32, 32), *_pairs(32, 64, 128, 128)]
    return nn.Sequential(*blocks, *_narrow(), nn.Conv2d(32, 2 * points, 2))


class Network(nn.Module):
    """A crop to 468 points in space, and how sure it is that there is a face."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(Same(3, 16, 3, 2), nn.PReLU(16), _blaze(16, 16), _blaze(16, 16), _blaze(16, 32, 2))
        self.coarse = nn.Sequential(_blaze(32, 32), _blaze(32, 32), *_pairs(32, 64, 128, 128, 128), *_narrow())
        self.points, self.sure = nn.Conv2d(32, 468 * 3, 3), nn.Conv2d(32, 1, 3)
        self.parts = nn.ModuleList([_part(len(part)) for part in PARTS])

    def rough(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, 192, 192) in [0, 1] to points (B, 468, 3) in pixels of it, logits (B,), and features of the face."""
        fine = self.fine(x)
        coarse = self.coarse(fine)
        return self.points(coarse).reshape(-1, 468, 3), self.sure(coarse).flatten(), fine

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 192, 192) in [0, 1] to points (B, 468, 3) in pixels of it, and logits (B,)."""
        points, sure, fine = self.rough(x)
        better = points.clone()
        for network, part, level in zip(self.parts, PARTS, LEVEL, strict=True):
            across, corner = _placed(points[:, list(part), :2], points[:, level[0], :2], points[:, level[1], :2])
            told = network(_cut(fine, across, corner)).reshape(len(x), -1, 2)
            better[:, list(part), :2] = told @ across.transpose(1, 2) * FINE / SIZE + corner[:, None]
        return better, sure


def _placed(points: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix (B, 2, 2) and shift (B, 2) to the crop from pixels of a box around (B, N, 2) points, level as two are."""
    angle = torch.atan2(*(right - left).flip(1).unbind(1))
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).reshape(-1, 2, 2)
    upright = points @ turn
    low, high = upright.amin(1), upright.amax(1)
    across = turn * (ROOM * (high - low) / PART)[:, None]
    corner = (turn @ ((low + high) / 2)[..., None] - across.sum(2, keepdim=True) * PART / 2)[..., 0]
    return across, corner


def _cut(fine: Tensor, across: Tensor, corner: Tensor) -> Tensor:
    """(B, C, 16, 16) of (B, C, 48, 48), where `_placed` says."""
    steps = torch.arange(PART, dtype=fine.dtype, device=fine.device)
    pixels = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(-1, 2)
    places = (pixels @ across.transpose(1, 2) + corner[:, None]) * FINE / SIZE
    grid = (places * 2 / (FINE - 1) - 1).reshape(-1, PART, PART, 2)
    return functional.grid_sample(fine, grid, "bilinear", "zeros", align_corners=True)


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
    for _ in range(TRIES):
        before, (points, _) = crops, _asked(frame, crops, rough=True)
        crops = [around(face[:, :2], _angle(face), SIZE, ROOM) for face in points]
        if all(_level(*pair) for pair in zip(before, crops, strict=True)):
            break
    return _asked(frame, crops)


def _level(crop: Matrix, other: Matrix) -> bool:
    """Whether two crops are turned by less than 15 degrees against each other."""
    cosine = (crop[0, :2] @ other[0, :2]) / np.linalg.norm(crop[0, :2]) / np.linalg.norm(other[0, :2])
    return bool(cosine > np.cos(np.radians(15)))


def _angle(points: NDArray[np.float32]) -> float:
    left, right = (points[list(corners), :2].mean(0) for corners in EYES)
    return float(np.arctan2(*(right - left)[::-1]))


@torch.inference_mode()
def _asked(
    frame: NDArray[np.uint8], crops: list[Matrix], rough: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    pictures = torch.stack([cropped(frame, crop, SIZE) for crop in crops]) / 255
    ask = _network().rough if rough else _network()
    answers = [ask(some) for some in torch.split(pictures.contiguous(memory_format=torch.channels_last), AT_ONCE)]
    points = torch.cat([answer[0] for answer in answers]).numpy()
    for face, crop in zip(points, crops, strict=True):
        back = backward(crop)
        face[:, :2] = moved(face[:, :2] - 0.5, back)
        face[:, 2] *= np.hypot(back[0, 0], back[1, 0])
    return points, torch.sigmoid(torch.cat([answer[1] for answer in answers])).numpy()
