"""Pictures in another size, resampled with a Lanczos window."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from figment.pixels.errors import PixelError
from figment.pixels.files import MAX_PIXELS, as_pillow

__all__ = ["Fit", "resize"]

Fit = Literal["cover", "contain", "stretch"]


def resize(image: NDArray[np.uint8], size: tuple[int, int], fit: Fit = "cover", ground: int = 255) -> NDArray[np.uint8]:
    """`image`, uint8 (H, W, C), as `size` (height, width).

    "cover" fills the size and cuts the longer side evenly at both ends; "contain" shows everything on a `ground` of
    grey level 0 to 255; "stretch" ignores the proportions. Raises PixelError for a size without pixels or too many.
    """
    height, width = size
    if min(size) < 1 or height * width > MAX_PIXELS:
        raise PixelError(f"A picture cannot be {width}x{height}; each side must be at least 1, at most 40 megapixels.")
    picture = as_pillow(image)
    match fit:
        case "cover":
            resized = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
        case "contain":
            color = ground if picture.mode == "L" else (ground, ground, ground)
            resized = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color)
        case "stretch":
            resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.array(resized).reshape(height, width, *image.shape[2:])
