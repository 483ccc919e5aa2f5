"""faceset.pak, DeepFaceLab's packed faceset, of version 1.

All numbers are little endian of eight bytes: the version; the length of a pickled list that says of each picture what
it is; where each picture starts and the last ends, counted from the end of this table; the DFLJPG files.
"""

import struct
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO

from figment.core.errors import DataError
from figment.core.files import write_atomically
from figment.faceswap.dfl import pickles
from figment.pixels.files import MAX_BYTES

__all__ = ["Packed", "read", "write"]

VERSION = 1
MOST = 2**30
"""Bytes that the pickled list may have."""
_FACE = 1
"""What DeepFaceLab calls a single face among the types of its samples."""

Packed = tuple[str, str, bytes]
"""File name, name of the person or nothing, and content of a picture file."""


def read(path: Path) -> Iterator[Packed]:
    """The pictures in `path`, one after another, never all at once. Raises DataError for anything but a whole pack."""
    try:
        with path.open("rb") as file:
            yield from _pictures(path, file)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error


def _pictures(path: Path, file: BinaryIO) -> Iterator[Packed]:
    end = path.stat().st_size
    try:
        version, length = struct.unpack("<QQ", file.read(16))
        if version != VERSION or length > min(MOST, end):
            raise DataError(f"{path} is no faceset.pak of version {VERSION}; unpack it where it was packed.")
        configs = pickles.loads(file.read(length))
        names = [(_text(config["filename"]), _text(config.get("person_name"))) for config in configs]
        offsets = struct.unpack(f"<{len(names) + 1}Q", file.read(8 * (len(names) + 1)))
    except (struct.error, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is cut off or damaged; copy it again.") from error
    start = file.tell()
    # DeepFaceLab counts the last end from the start of the file in place of the end of the table; either is read.
    if offsets[-1] > end:
        raise DataError(f"{path} is cut off; copy it again.")
    for number, (name, person) in enumerate(names):
        first, last = start + offsets[number], min(start + offsets[number + 1], end)
        if not first <= last <= first + MAX_BYTES:
            raise DataError(f"{path} is cut off or damaged at {name}; copy it again.")
        file.seek(first)
        yield PureWindowsPath(name).name, person, file.read(last - first)


def _text(value: object) -> str:
    """`value`, which must be a string or nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    raise TypeError("a name is no string")


def write(path: Path, pictures: list[tuple[dict[str, Any], bytes]]) -> None:
    """Write picture files, each with what is said of it (at least "filename"), to `path`."""
    configs = [{"sample_type": _FACE, **config} for config, _ in pictures]
    ends = [0]
    for _, content in pictures:
        ends.append(ends[-1] + len(content))

    def write_parts(part: Path) -> None:
        pickled = pickles.dumps(configs)
        with part.open("wb") as file:
            file.write(struct.pack("<QQ", VERSION, len(pickled)) + pickled + struct.pack(f"<{len(ends)}Q", *ends))
            file.writelines(content for _, content in pictures)

    write_atomically(path, write_parts)
