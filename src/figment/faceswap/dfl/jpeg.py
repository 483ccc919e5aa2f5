"""DFLJPG: a JPEG file of an aligned face, with a pickled mapping of what is known of it in an APP15 segment."""

import struct
from pathlib import Path
from typing import Any

from figment.core.errors import DataError
from figment.faceswap.dfl import pickles

__all__ = ["described", "parted"]

_APP0, _APP15, _SCAN = 0xE0, 0xEF, 0xDA
MOST = 65_533
"""Bytes that a segment holds."""


def parted(content: bytes, name: str) -> tuple[bytes, dict[str, Any]]:
    """The JPEG file `content`, called `name` where it is refused, without its APP15; and the mapping that lay there.

    Raises DataError for a file without one.
    """
    kept, found = [content[:2]], b""
    position = 2
    for marker, segment in _segments(content, name):
        position += len(segment)
        if marker == _APP15:
            found = found or segment[4:]
        else:
            kept.append(segment)
    if not found:
        raise DataError(f"{name} is a JPEG file, but not one of DeepFaceLab's: nothing is said of its face.")
    values = pickles.loads(found)
    if not isinstance(values, dict):
        raise DataError(f"{name} does not say what its face is like; extract it anew.")
    return b"".join(kept) + content[position:], values


def described(content: bytes, values: dict[str, Any], name: str) -> bytes:
    """The JPEG file `content` with `values` in an APP15 after the last of its APP segments, in place of an older one.

    None among the values is left out.
    """
    pickled = pickles.dumps({key: value for key, value in values.items() if value is not None})
    if len(pickled) > MOST:
        raise DataError(f"{name} has {len(pickled)} bytes to be said of it; a JPEG file takes {MOST}.")
    segments = [(marker, segment) for marker, segment in _segments(content, name) if marker != _APP15]
    end = 2 + sum(len(segment) for _, segment in _segments(content, name))
    last = max((n for n, (marker, _) in enumerate(segments, 1) if _APP0 <= marker < _APP15), default=0)
    new = struct.pack(">BBH", 0xFF, _APP15, len(pickled) + 2) + pickled
    parts = [segment for _, segment in segments]
    return content[:2] + b"".join([*parts[:last], new, *parts[last:]]) + content[end:]


def _segments(content: bytes, name: str) -> list[tuple[int, bytes]]:
    """Marker and whole segment of each that comes before the scan of the JPEG file `content`."""
    if content[:2] != b"\xff\xd8":
        raise DataError(f"{name} is not a JPEG file.")
    found: list[tuple[int, bytes]] = []
    position = 2
    while content[position : position + 1] == b"\xff" and len(content) >= position + 4:
        marker, length = struct.unpack_from(">xBH", content, position)
        if marker == _SCAN:
            return found
        end = position + 2 + length
        if length < 2 or end > len(content):
            break
        found.append((marker, content[position:end]))
        position = end
    raise DataError(f"{Path(name).name} is a JPEG file that is cut off or damaged; copy it again.")
