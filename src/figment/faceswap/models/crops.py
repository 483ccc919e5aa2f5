"""Cuts faces out of frames, and shrinks frames, as the face models want them.

Sampling is bilinear, after halving as often as it takes for no pixel to be passed over. This is what the networks were
trained on; faces for training and merging are cut by `figment.faceswap.align`.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from figment.faceswap.affine import Matrix, backward, moved

__all__ = ["around", "cropped", "letterboxed"]


def around(points: NDArray[np.floating], angle: float, size: int, room: float, lower: float = 0.0) -> Matrix:
    """(2, 3) from the frame to a square crop of `size` around (K, 2) points, turned by `angle` radians.

    Its side is the longer side of the points' own box, which is turned too, times `room`; its middle lies below that
    of the box by `lower` of that side.
    """
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = points @ turn.T
    low, high = upright.min(0), upright.max(0)
    side = max(float((high - low).max()), 1.0)
    middle = (low + high) / 2 + np.array([0, lower * side])
    scale = size / (room * side)
    return np.concatenate([scale * turn, ((size - 1) / 2 - scale * middle)[:, None]], 1)


def cropped(frame: NDArray[np.uint8], matrix: Matrix, size: int) -> Tensor:
    """(3, size, size) in [0, 255] of an (H, W, 3) frame, by its (2, 3) matrix; the frame's edge goes on for ever."""
    back = backward(matrix)
    halvings = int(np.log2(max(np.hypot(back[0, 0], back[1, 0]), 1) + 1e-9))
    corners = moved(np.array([[0, 0], [size - 1, 0], [0, size - 1], [size - 1, size - 1]]), back)
    room, end = 2 * 2**halvings, np.array(frame.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)) - room, 0, end - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + room + 1, low + 1, end).astype(int)
    part = np.require(frame[low[1] : high[1], low[0] : high[0]], requirements=["C", "W"])
    pixels = torch.from_numpy(part).permute(2, 0, 1)[None].float()
    back[:, 2] -= low
    for _ in range(halvings):
        pixels = functional.avg_pool2d(pixels, 2, ceil_mode=True, count_include_pad=False)
        back = back / 2
        back[:, 2] -= 0.25
    return _sampled(pixels, back, size)


def _sampled(pixels: Tensor, back: Matrix, size: int) -> Tensor:
    height, width = pixels.shape[2:]
    steps = torch.arange(size, dtype=torch.float32)
    turn, shift = torch.from_numpy(back[:, :2]).float(), torch.from_numpy(back[:, 2]).float()
    places = steps[None, :, None] * turn[:, 0] + steps[:, None, None] * turn[:, 1] + shift
    grid = (places + 0.5) * torch.tensor([2 / width, 2 / height]) - 1
    sampled = functional.grid_sample(pixels, grid[None], "bilinear", "border", align_corners=False)
    return sampled[0]


def letterboxed(frames: NDArray[np.uint8], size: int) -> tuple[Tensor, float, NDArray[np.float64]]:
    """(B, 3, size, size) in [0, 255] of (B, H, W, 3) frames: whole, in the middle, with black around.

    Also what a pixel of it is in frame pixels, and the frame's place of its top left corner.
    """
    height, width = frames.shape[1:3]
    factor = max(height, width) / size
    rows, columns = max(round(height / factor), 1), max(round(width / factor), 1)
    pixels = torch.from_numpy(np.require(frames, requirements=["C", "W"])).permute(0, 3, 1, 2)
    small = functional.interpolate(pixels, (rows, columns), mode="bilinear", antialias=True).float()
    top, left = (size - rows) // 2, (size - columns) // 2
    boxed = functional.pad(small, (left, size - columns - left, top, size - rows - top))
    return boxed, factor, np.array([-left * factor - 0.5, -top * factor - 0.5])
