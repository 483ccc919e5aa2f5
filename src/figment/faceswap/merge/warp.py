"""Pictures carried from the frame to the aligned square and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import affine_grid, grid_sample

__all__ = ["Pixels", "displaced", "inverse", "levels", "sampled"]

Pixels = NDArray[np.float32]
"""(H, W), (H, W, 3) or (N, 3) values in [0, 1]."""


def sampled(image: Pixels, matrix: Pixels, size: tuple[int, ...], *, sharp: bool = False) -> Pixels:
    """`size` (H, W) or (H, W, C) of `image`, whose pixel (x, y) lies in the image at `matrix` (2, 3) · (x, y, 1).

    Between pixels bilinear, or bicubic where `sharp`; 0 outside of the image. (0, 0) is the middle of the first pixel.
    """
    planes = torch.from_numpy(np.ascontiguousarray(image, np.float32).reshape(*image.shape[:2], -1)).permute(2, 0, 1)
    theta = _unit(image.shape[1], image.shape[0]) @ np.vstack([matrix, [0, 0, 1]]) @ np.linalg.inv(_unit(*size[::-1]))
    grid = affine_grid(torch.from_numpy(theta[None, :2]).float(), [1, 1, *size], align_corners=False)
    result = grid_sample(planes[None], grid, mode="bicubic" if sharp else "bilinear", align_corners=False)[0]
    return result.permute(1, 2, 0).numpy().reshape(*size, *image.shape[2:])


def displaced(image: Pixels, field: Pixels, *, sharp: bool = False) -> Pixels:
    """`image` (H, W) or (H, W, C) whose pixel (x, y) is taken from (x, y) + `field` (H, W, 2), as `sampled` does it.

    What lies outside is what the edge shows.
    """
    planes = torch.from_numpy(np.ascontiguousarray(image, np.float32).reshape(*image.shape[:2], -1)).permute(2, 0, 1)
    size = np.array(image.shape[1::-1], np.float32)
    places = np.stack(np.meshgrid(*map(np.arange, size)), axis=-1) + field
    grid = torch.from_numpy((2 * places + 1) / size - 1).float()[None]
    how = "bicubic" if sharp else "bilinear"
    result = grid_sample(planes[None], grid, mode=how, padding_mode="border", align_corners=False)[0]
    return result.clamp(0, 1).permute(1, 2, 0).numpy().reshape(image.shape)


def levels(values: Pixels) -> NDArray[np.uint8]:
    """`values` in [0, 1], what lies outside clipped, as 0 to 255."""
    result: NDArray[np.uint8] = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
    return result


def inverse(matrix: Pixels) -> Pixels:
    """(2, 3): the way back from where `matrix` (2, 3) leads."""
    back: Pixels = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2].astype(np.float32)
    return back


def _unit(width: int, height: int) -> NDArray[np.float64]:
    """(3, 3): from pixels to the square of -1 to 1 in which torch counts."""
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]])
