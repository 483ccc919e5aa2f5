"""How near a face comes to another: its points, where it looks, and its pixels within a mask."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from figment.faceswap.align import pose
from figment.metrics.fidelity import WINDOW, ssim_map

__all__ = ["landmark_error", "masked_ssim", "pose_error"]

Points = NDArray[np.floating[Any]]
"""(68, 2) in the order of dlib."""


def landmark_error(made: Points, wanted: Points) -> float:
    """How far the points of a face are off on average, in per cent of the distance of the eyes' middles of `wanted`."""
    eyes = float(np.linalg.norm(wanted[42:48].mean(0) - wanted[36:42].mean(0)))
    return 100 * float(np.linalg.norm(made - wanted, axis=1).mean()) / max(eyes, 1e-6)


def pose_error(made: Points, wanted: Points) -> float:
    """How far a face looks elsewhere, in degrees: the mean over yaw, pitch and roll, told by the points."""
    off = np.array(pose(np.asarray(made, np.float32))) - np.array(pose(np.asarray(wanted, np.float32)))
    around = (off + np.pi) % (2 * np.pi) - np.pi
    return float(np.degrees(np.abs(around)).mean())


def masked_ssim(made: NDArray[np.uint8], wanted: NDArray[np.uint8], mask: NDArray[np.float32]) -> float:
    """Structural similarity (Wang et al. 2004) of two pictures (S, S, 3) where `mask` (S, S) in [0, 1] lets it count.

    Each window of 11x11 counts as much as the mask in its middle. NaN where the mask is empty there.
    """
    pictures = (torch.from_numpy(one.astype(np.float64) / 127.5 - 1).permute(2, 0, 1)[None] for one in (made, wanted))
    edge = WINDOW // 2
    weights = torch.from_numpy(mask[edge:-edge, edge:-edge].astype(np.float64))
    total = float(weights.sum())
    return float((ssim_map(*pictures)[0].mean(0) * weights).sum()) / total if total > 0 else float("nan")
