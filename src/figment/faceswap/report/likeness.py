"""How near a face comes to another: its points, where it looks, and its pixels within a mask."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from figment.faceswap.affine import moved
from figment.faceswap.align import pose
from figment.metrics.fidelity import WINDOW, ssim_map

__all__ = ["masked_ssim", "offsets", "pose_error"]

Points = NDArray[np.floating[Any]]
"""(68, 2) in the order of dlib."""


def offsets(made: Points, wanted: Points, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """(68, 2): how far each point of a face is off, in per cent of the distance of the eyes' middles of `wanted`.

    Right and down are those of the upright face that `place` (2, 3), a similarity, leads to, so that a head that turns
    and comes nearer leaves them as they are.
    """
    upright, aim = moved(made, place), moved(wanted, place)
    eyes = float(np.linalg.norm(aim[42:48].mean(0) - aim[36:42].mean(0)))
    return np.asarray(100 * (upright - aim) / max(eyes, 1e-6), np.float64)


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
