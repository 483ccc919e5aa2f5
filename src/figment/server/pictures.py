"""Pictures inside requests: taken as files of the user for as long as the request is worked on.

They come as base64, bare or as a data URL, or as bytes. An address is never fetched: whoever may send requests to this
server could otherwise make it read what only it can reach.
"""

import binascii
import re
import secrets
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from figment.core.errors import InputError
from figment.pixels.files import as_pillow, encode, load
from figment.server.problems import Problem
from figment.studio.jobs.places import Places

__all__ = ["Lent", "decoded"]

_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w=.+-]+)*;base64,", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def decoded(text: str) -> bytes:
    """The bytes that `text` holds. Raises InputError for an address and for what is no base64."""
    begin = text[:200].lstrip()
    if _ADDRESS.match(begin):
        raise InputError("A picture must be sent as base64; this server fetches no addresses.")
    match = _DATA_URL.match(begin)
    bare = text.lstrip()[match.end() :] if match else text
    try:
        content = b64decode("".join(bare.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("A picture must be sent as base64; this is none.") from None
    if not content:
        raise InputError("A picture must be sent as base64; this is empty.")
    return content


class Lent:
    """Pictures of one request, in the uploads of its user until `give_back`."""

    def __init__(self, places: Places, most: int) -> None:
        """`most` is how many bytes the user's uploads may have."""
        self.places, self.most = places, most
        self._paths: list[Path] = []

    def picture(self, content: bytes) -> str:
        """The name by which a job finds a picture. Raises PixelError for what is none, Problem for want of room."""
        path = self._written(content)
        load(path)
        return self.places.name(path)

    def mask(self, content: bytes, like: str, *, clear: bool, rounded: bool) -> str:
        """The same for a mask, brought to the size of the picture `like`: white is what is to be drawn anew.

        What is transparent is meant where `clear` (OpenAI), else what is opaque, if anything is transparent, or white
        (AUTOMATIC1111); `rounded` makes it black and white. Raises PixelError and InputError.
        """
        given = self._written(content)
        load(given)
        with Image.open(given) as image:
            mask = _mask(ImageOps.exif_transpose(image), clear=clear)
        height, width = load(self.places.file(like)).shape[:2]
        if mask.shape != (height, width):
            mask = np.asarray(as_pillow(mask).resize((width, height)))
        if rounded:
            mask = np.where(mask > 127, np.uint8(255), np.uint8(0))
        return self.places.name(self._written(encode(mask, "png")))

    def give_back(self) -> None:
        """Delete them."""
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _written(self, content: bytes) -> Path:
        folder = self.places.uploads
        folder.mkdir(parents=True, exist_ok=True)
        if _taken(folder) + len(content) > self.most:
            raise Problem(507, "All the room for files that you sent is taken; delete some of them.")
        path = folder / f"request-{secrets.token_hex(16)}.png"  # formats are told by content
        self._paths.append(path)
        path.write_bytes(content)
        return path


def _taken(folder: Path) -> int:
    taken = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another request gave it back meanwhile
            taken += path.stat().st_size
    return taken


def _mask(image: Image.Image, *, clear: bool) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Height by width; white is meant."""
    alpha = np.asarray(image.convert("RGBA"))[..., 3] if image.has_transparency_data else None
    if clear:
        if alpha is None or (alpha == 255).all():
            raise InputError("mask: what is to be drawn anew must be transparent in it, and nothing is.")
        return 255 - alpha
    if alpha is not None and (alpha < 255).any():
        return alpha
    return np.asarray(image.convert("L"))
