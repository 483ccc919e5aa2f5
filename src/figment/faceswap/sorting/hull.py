"""The part of a picture that is face."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from figment.faceswap.faceset import AlignedFace
from figment.faceswap.hull import corners

__all__ = ["grey", "inside"]


def inside(face: AlignedFace) -> NDArray[np.bool_]:
    """Which pixels (size, size) lie within the hull of the points; all where the points span no area."""
    outline = corners(face.landmarks)
    if outline is None:
        return np.ones((face.size, face.size), bool)
    mask = Image.new("1", (face.size, face.size))
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in outline], fill=1)
    hull = np.asarray(mask)
    return hull if hull.any() else np.ones_like(hull)


def grey(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Luma of Rec. 601 (H, W), 0 to 255."""
    luma: NDArray[np.float64] = image @ np.array([0.299, 0.587, 0.114])
    return luma
