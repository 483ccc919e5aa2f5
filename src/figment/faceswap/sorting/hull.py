"""The part of a picture that is face."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.align import hull_mask
from figment.faceswap.faceset import AlignedFace

__all__ = ["grey", "inside"]


def inside(face: AlignedFace) -> NDArray[np.bool_]:
    """Which pixels (size, size) lie within the hull of the points; all where the points span no area."""
    hull = hull_mask(face.landmarks, face.size) > 0.5
    return hull if hull.any() else np.ones_like(hull)


def grey(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Luma of Rec. 601 (H, W), 0 to 255."""
    luma: NDArray[np.float64] = image @ np.array([0.299, 0.587, 0.114])
    return luma
