"""Which part of the aligned square is put into the frame, and how its edge is."""

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from figment.faceswap.align import hull_mask
from figment.faceswap.merge.settings import MaskMode
from figment.faceswap.merge.warp import Pixels

__all__ = ["chosen", "shaped"]

SIDE = 1024
"""Side of the square in whose pixels brushes are measured."""
SPREAD = 0.15
"""Standard deviation of a Gaussian brush, as a share of its width."""


def chosen(mode: MaskMode, landmarks: Pixels, predicted: Pixels, target: Pixels) -> Pixels:
    """(S, S) in [0, 1]: the mask that `mode` names.

    `predicted` and `target` (S, S) are what the network takes for the swapped and for the covered face.
    """
    match mode:
        case MaskMode.FULL:
            return np.ones_like(predicted)
        case MaskMode.DST:
            return hull_mask(landmarks, len(predicted))
        case MaskMode.LEARNED_PRD:
            return predicted.clip(0, 1)
        case MaskMode.LEARNED_DST:
            return target.clip(0, 1)
        case MaskMode.PRODUCT:
            product: Pixels = predicted.clip(0, 1) * target.clip(0, 1)
            return product
        case MaskMode.SUM:
            both: Pixels = (predicted + target).clip(0, 1)
            return both


def shaped(mask: Pixels, erode: int, blur: int) -> Pixels:
    """`mask` (S, S) with its edge, where it is one half, moved inwards by half of `erode`, then blurred.

    The outermost pixels become 0, so that no edge of the square shows in the frame.
    """
    scale = len(mask) / SIDE
    if erode:
        mask = (_depth(mask > 0.5) - erode / 2 * scale + 0.5).clip(0, 1).astype(np.float32)
    mask = np.pad(mask[1:-1, 1:-1], 1)
    if blur:
        mask = np.pad(gaussian_filter(mask, SPREAD * blur * scale, mode="constant")[1:-1, 1:-1], 1)
    return mask


def _depth(inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Pixels:
    """How deep each pixel lies within the edge, which runs halfway between pixels; negative outside of it.

    What lies beyond the square counts as outside, though a mask without an inside has no edge at all.
    """
    if not inside.any():
        return np.full(inside.shape, -np.inf, np.float32)
    padded = np.pad(inside, 1)
    depth = np.where(padded, distance_transform_edt(padded) - 0.5, 0.5 - distance_transform_edt(~padded))
    within: Pixels = depth[1:-1, 1:-1].astype(np.float32)
    return within
