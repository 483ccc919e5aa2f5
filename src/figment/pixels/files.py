"""Picture files: PNG, JPEG and WebP, told apart by their content, never by their name."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from figment.pixels import inscriptions
from figment.pixels.errors import PixelError

__all__ = ["MAX_PIXELS", "SUFFIXES", "Format", "as_pillow", "encode", "load", "read_text"]

Format = Literal["png", "jpeg", "webp"]

SUFFIXES: dict[str, Format] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
"""File name endings that Figment writes and reads, with their formats."""

MAX_PIXELS = 40_000_000
"""Most pixels a picture may have; more is refused before it is decoded."""

MAX_BYTES = 2**29
"""Most bytes a picture file may have: more than `MAX_PIXELS` take uncompressed with 16 bits a sample."""

# What Pillow is known to raise on damaged files, beside the errors of the bytes themselves.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)


def load(path: Path, mode: Literal["RGB", "L"] = "RGB") -> NDArray[np.uint8]:
    """Picture at `path`, uint8 (H, W, 3) for mode "RGB" or (H, W) for "L", such as a mask.

    Upright by its EXIF orientation; transparent parts lie on white; 16-bit samples are scaled to 8; of an animation
    the first frame. Raises PixelError for anything that is not a whole picture of at most `MAX_PIXELS`.
    """
    with _opened(path) as image:
        return np.array(_opaque(ImageOps.exif_transpose(image)).convert(mode))


def read_text(path: Path) -> str:
    """Text that `encode` put into the picture file at `path`; empty when there is none. Raises PixelError."""
    with _opened(path) as image:
        image.load()  # a PNG may carry its text after the pixels
        return inscriptions.read(image)


def encode(
    image: NDArray[np.uint8], format: Format, *, text: str = "", quality: int = 95, lossless: bool = False
) -> bytes:
    """File content of `image`, uint8 (H, W, 3), (H, W, 1) or (H, W): the same bytes for the same arguments.

    `text` goes into PNG's "parameters" chunk or the EXIF UserComment. `quality`, 1 to 100, is for JPEG and WebP;
    `lossless` for WebP. Raises PixelError where the format cannot hold the picture or the text.
    """
    content = io.BytesIO()
    picture = as_pillow(image)
    try:
        match format:
            case "png":
                picture.save(content, "PNG", pnginfo=inscriptions.png_block(text) if text else None)
            case "jpeg":
                exif = inscriptions.exif_block(text) if text else b""
                picture.save(content, "JPEG", quality=quality, subsampling=0, exif=exif)
            case "webp":
                exif = inscriptions.exif_block(text) if text else b""
                picture.convert("RGB").save(content, "WEBP", quality=quality, lossless=lossless, exif=exif)
    except (OSError, ValueError, struct.error) as error:
        height, width = image.shape[:2]
        raise PixelError(f"A {width}x{height} picture cannot be written as {format} ({error}).") from error
    return content.getvalue()


def as_pillow(image: NDArray[np.uint8]) -> Image.Image:
    """Pillow image of `image`, uint8 (H, W, 3), (H, W, 1) or (H, W)."""
    return Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture at `path`, its size checked and its pixels not yet decoded; damage found in use is a PixelError."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise PixelError(f"There is no picture {path}.") from None
    except OSError as error:
        raise PixelError(f"Cannot read {path}: {error.strerror}.") from error
    with file, warnings.catch_warnings():
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise PixelError(f"{path} is too large; at most {MAX_BYTES >> 20} MB can be read.")
        warnings.simplefilter("ignore")  # damaged EXIF is no reason to refuse the picture
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = _identify(path, file)
        _check_size(path, image)
        try:
            yield image
        except _DAMAGE as error:
            raise PixelError(f"{path} is a damaged picture ({error}); copy it again.") from error


def _identify(path: Path, file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=("PNG", "JPEG", "WEBP"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PixelError(f"{path} is too large; at most {MAX_PIXELS // 10**6} megapixels can be read.") from None
    except UnidentifiedImageError:
        raise PixelError(f"{path} is not a PNG, JPEG or WebP picture, or its start is damaged.") from None
    except _DAMAGE as error:
        raise PixelError(f"{path} is a damaged picture ({error}); copy it again.") from error


def _check_size(path: Path, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width}x{image.height}"
        raise PixelError(f"{path} is too large ({size}); at most {MAX_PIXELS // 10**6} megapixels can be read.")


def _opaque(image: Image.Image) -> Image.Image:
    """8-bit `image` with transparency laid on white."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip at 255
        samples = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        levels = samples // 257
        levels += samples % 257 > 128  # rounded, in two bytes a pixel
        return Image.fromarray(levels.astype(np.uint8))
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer)
