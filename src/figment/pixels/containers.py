"""What kind of clip a file is and whether it is whole, read from its first bytes and the lengths it states.

The kind decides which one demuxer is used, so that no other, least of all one that opens further files, ever sees it.
"""

from typing import BinaryIO, Literal

__all__ = ["Kind", "identify", "is_whole"]

Kind = Literal["mov", "matroska", "gif", "avi"]
"""Name of FFmpeg's demuxer; "mov" is for MP4 too, "matroska" for WebM."""

_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
MOST_BOXES = 100_000
"""Top-level boxes that are followed; a fragmented film of hours has some ten thousand."""


def identify(start: bytes) -> Kind | None:
    """The kind of the clip that begins with `start` (at least 12 bytes), or None when it is not one we read."""
    if start[4:8] in _FIRST_BOXES:
        return "mov"
    if start[:4] == _EBML:
        return "matroska"
    if start[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "avi"
    return None


def is_whole(file: BinaryIO, kind: Kind, length: int) -> bool:
    """Whether the clip in `file`, of `length` bytes, ends where it says that it ends."""
    match kind:
        case "mov":
            return _boxes_fit(file, length)
        case "matroska":
            return _segment_fits(file, length)
        case "gif":
            file.seek(max(0, length - 64))
            return file.read().rstrip(b"\0").endswith(b";")
        case "avi":
            file.seek(4)
            return 8 + int.from_bytes(file.read(4), "little") <= length


def _boxes_fit(file: BinaryIO, length: int) -> bool:
    """ISO/IEC 14496-12, section 4.2: a size of 1 means that 64 bits follow, a size of 0 that the file ends the box."""
    place = 0
    for _ in range(MOST_BOXES):
        if length - place < 8:
            return True
        file.seek(place)
        header = file.read(16)
        size = int.from_bytes(header[:4], "big")
        if size == 0:
            return True
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if size < 8 or place + size > length:
            return False
        place += size
    return False


def _segment_fits(file: BinaryIO, length: int) -> bool:
    """RFC 8794: after the EBML header comes the segment with everything in it, whose size may be unknown."""
    file.seek(4)
    header = _element_size(file)
    if header is None or header > length:
        return False
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return False
    size = _element_size(file)
    return size is None or file.tell() + size <= length


def _element_size(file: BinaryIO) -> int | None:
    """The variable-length size at the place of `file`; None when it is unknown or damaged."""
    first = file.read(1)
    width = 9 - first[0].bit_length() if first and first[0] else 0
    if width == 0:
        return None
    size = int.from_bytes(first + file.read(width - 1), "big") & ((1 << 7 * width) - 1)
    return None if size == (1 << 7 * width) - 1 else size
