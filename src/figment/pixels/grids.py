"""Many pictures as one: plain grids of samples, and contact sheets with a caption under each picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from figment.pixels.errors import PixelError
from figment.pixels.files import as_pillow
from figment.pixels.fonts import Font, font_for

__all__ = ["contact_sheet", "grid"]

_INK = (40, 40, 40)
_LINES = 2  # lines of a caption; what does not fit is cut off


def grid(
    images: Sequence[NDArray[np.uint8]], columns: int, *, padding: int = 2, ground: int = 255
) -> NDArray[np.uint8]:
    """`images`, uint8 (H, W, C) of one shape, row by row in one picture, uint8 (rows, width, C).

    `padding` pixels of grey level `ground` lie around and between them. Raises PixelError for no images, no columns
    or differing shapes.
    """
    _check(images, columns)
    height, width, channels = images[0].shape
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    size = (rows * (height + padding) + padding, columns * (width + padding) + padding, channels)
    sheet = np.full(size, ground, np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = padding + row * (height + padding), padding + column * (width + padding)
        sheet[top : top + height, left : left + width] = image
    return sheet


def contact_sheet(
    images: Sequence[NDArray[np.uint8]], captions: Sequence[str], columns: int, *, font_size: int = 12
) -> NDArray[np.uint8]:
    """`images`, uint8 (H, W, C) of one shape, each over its caption, as one picture, uint8 (rows, width, 3).

    A caption has at most two lines. Hangul needs a Korean font on the system. Raises PixelError like `grid`, and
    when there is not one caption an image.
    """
    _check(images, columns)
    if len(captions) != len(images):
        raise PixelError(f"There are {len(captions)} captions for {len(images)} images; there must be one for each.")
    height, width = images[0].shape[:2]
    line = round(font_size * 1.4)
    cells = []
    for image, caption in zip(images, captions, strict=True):
        cell = Image.new("RGB", (width, height + _LINES * line + font_size // 3), "white")
        cell.paste(as_pillow(image), (0, 0))
        _write(cell, caption, height + font_size // 3, line, font_for(caption, font_size))
        cells.append(np.asarray(cell))
    return grid(cells, columns, padding=font_size // 2 + 2)


def _check(images: Sequence[NDArray[np.uint8]], columns: int) -> None:
    if not images:
        raise PixelError("There are no images to lay out; at least one is needed.")
    if columns < 1:
        raise PixelError(f"A grid cannot have {columns} columns; at least 1 is needed.")
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise PixelError(f"The images of a grid must have one shape, not {sorted(shapes)}.")


def _write(cell: Image.Image, caption: str, top: int, line: int, font: Font) -> None:
    draw = ImageDraw.Draw(cell)
    for number, text in enumerate(_wrap(caption, font, cell.width)):
        left = (cell.width - font.getlength(text)) / 2
        draw.text((left, top + number * line), text, fill=_INK, font=font)


def _wrap(caption: str, font: Font, width: int) -> list[str]:
    """`caption` in at most `_LINES` lines of `width` pixels, broken between words where a word fits."""
    rest = " ".join(caption.split())
    lines: list[str] = []
    while rest and len(lines) < _LINES:
        fitting = _fitting(rest, font, width)
        space = rest.rfind(" ", 0, fitting + 1)
        end = space if space > 0 and fitting < len(rest) else fitting
        lines.append(rest[:end].strip())
        rest = rest[end:].strip()
    if rest:
        last = lines[-1]
        while last and font.getlength(last + "...") > width:
            last = last[:-1]
        lines[-1] = last + "..."
    return lines


def _fitting(text: str, font: Font, width: int) -> int:
    """How many letters of `text` fit into `width` pixels; at least 1."""
    count = 1
    while count < len(text) and font.getlength(text[: count + 1]) <= width:
        count += 1
    return count
