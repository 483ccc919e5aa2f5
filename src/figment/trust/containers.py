"""The parts of picture files: walked, cut and joined without decoding a pixel, so that damage cannot do harm.

PNG chunks (PNG 3rd edition, section 5), JPEG segments (ITU T.81, annex B), RIFF chunks (WebP container
specification) and GIF blocks (GIF89a).
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from figment.pixels.errors import PixelError

__all__ = ["Container", "Part", "container_of", "insert_xmp", "parts", "picture_data", "without_credentials"]

Container = Literal["png", "jpeg", "webp", "gif", "mp4", "webm"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
PNG_XMP = b"XML:com.adobe.xmp"
MOST_JPEG_PAYLOAD = 65_533
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"scan", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")


@dataclass(frozen=True)
class Part:
    """One chunk, segment or block of a file."""

    name: bytes
    """PNG or RIFF chunk name; of a JPEG segment its two marker bytes."""
    payload: memoryview
    """Content without name, length and checksum; cut short where the file ends too soon."""
    start: int
    """Offset in the file of the first byte, name and length included."""
    end: int
    """Offset after the last byte."""


def container_of(head: bytes) -> Container:
    """What kind of file begins with `head`, its first 64 bytes or more. Raises PixelError for any other kind."""
    if head.startswith(PNG_SIGNATURE):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm"
    raise PixelError("It is not a PNG, JPEG, WebP or GIF picture nor an MP4 or WebM clip, or its start is damaged.")


def parts(encoded: bytes, container: Container) -> Iterator[Part]:
    """Parts of a PNG, JPEG or WebP file in order, as far as they can be told; of other files none.

    The scan of a JPEG, which follows its last header segment, is one part named b"scan".
    """
    match container:
        case "png":
            return _png_parts(encoded)
        case "jpeg":
            return _jpeg_parts(encoded)
        case "webp":
            return _riff_parts(encoded)
        case _:
            return iter(())


def picture_data(encoded: bytes, container: Container) -> str:
    """SHA-256, hexadecimal, over what decodes into pixels: the same as long as nobody touched the picture itself.

    Empty where it cannot be told from the rest of the file.
    """
    digest = hashlib.sha256()
    found = False
    for part in parts(encoded, container):
        if _decodes(part.name):
            found = True
            digest.update(part.payload)
    return digest.hexdigest() if found else ""


def without_credentials(encoded: bytes, container: Container) -> bytes:
    """The PNG, JPEG or WebP file `encoded` without its Content Credentials, for when they are too damaged to keep."""
    kept, place = b"", 0
    for part in parts(encoded, container):
        if part.name in (b"caBX", b"\xff\xeb", b"C2PA"):
            kept += encoded[place : part.start]
            place = part.end
    kept += encoded[place:]
    if container == "webp":
        kept = kept[:4] + struct.pack("<I", len(kept) - 8) + kept[8:]
    return kept


def insert_xmp(encoded: bytes, container: Container, packet: bytes) -> bytes:
    """The PNG, JPEG or WebP file `encoded` with the XMP `packet` where readers look for it.

    Raises PixelError where the format cannot hold it.
    """
    match container:
        case "png":
            body = b"iTXt" + PNG_XMP + bytes(5) + packet
            chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
            place = next(part.end for part in parts(encoded, container) if part.name == b"IHDR")
            return encoded[:place] + chunk + encoded[place:]
        case "jpeg":
            payload = JPEG_XMP + packet
            if len(payload) > MOST_JPEG_PAYLOAD:
                raise PixelError(f"A JPEG picture holds at most {MOST_JPEG_PAYLOAD} bytes of XMP, not {len(payload)}.")
            segment = b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload
            place = _after_header(encoded)
            return encoded[:place] + segment + encoded[place:]
        case "webp":
            return _webp_with_xmp(encoded, packet)
        case _:
            raise PixelError(f"A {container} file cannot be given XMP metadata; use PNG, JPEG or WebP.")


def _decodes(name: bytes) -> bool:
    if name[0] == 0xFF:  # a JPEG segment that is neither APP0 to APP15 nor a comment
        return not 0xE0 <= name[1] <= 0xEF and name[1] != 0xFE
    return name in _PIXELS


def _png_parts(encoded: bytes) -> Iterator[Part]:
    view, place = memoryview(encoded), len(PNG_SIGNATURE)
    while place + 8 <= len(encoded):
        (length,) = struct.unpack_from(">I", encoded, place)
        end = place + 12 + length
        yield Part(encoded[place + 4 : place + 8], view[place + 8 : place + 8 + length], place, min(end, len(encoded)))
        place = end


def _jpeg_parts(encoded: bytes) -> Iterator[Part]:
    view, place = memoryview(encoded), 2
    while place + 4 <= len(encoded) and encoded[place] == 0xFF:
        name = encoded[place : place + 2]
        (length,) = struct.unpack_from(">H", encoded, place + 2)
        if name == b"\xff\xda":  # start of scan: entropy-coded data follow up to the end of the picture
            end = encoded.find(b"\xff\xd9", place)
            end = len(encoded) if end < 0 else end + 2
            yield Part(b"scan", view[place:end], place, end)
            return
        end = place + 2 + max(length, 2)
        yield Part(name, view[place + 4 : end], place, min(end, len(encoded)))
        place = end


def _riff_parts(encoded: bytes) -> Iterator[Part]:
    view, place = memoryview(encoded), 12
    while place + 8 <= len(encoded):
        (length,) = struct.unpack_from("<I", encoded, place + 4)
        end = place + 8 + length + length % 2
        yield Part(encoded[place : place + 4], view[place + 8 : place + 8 + length], place, min(end, len(encoded)))
        place = end


def _after_header(encoded: bytes) -> int:
    """Where in a JPEG file, after JFIF and EXIF, the XMP segment belongs."""
    place = 2
    for part in parts(encoded, "jpeg"):
        if part.name not in (b"\xff\xe0", b"\xff\xe1"):
            break
        place = part.end
    return place


def _webp_with_xmp(encoded: bytes, packet: bytes) -> bytes:
    chunks = list(parts(encoded, "webp"))
    if chunks and chunks[0].name == b"VP8X":
        header, rest = bytearray(chunks[0].payload), encoded[chunks[0].end :]
    else:
        header, rest = bytearray(_extended_header(chunks)), encoded[12:]
    header[0] |= 0x04
    body = _riff_chunk(b"VP8X", bytes(header)) + rest + _riff_chunk(b"XMP ", packet)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _extended_header(chunks: list[Part]) -> bytes:
    """VP8X payload for a plain WebP picture, whose size and transparency stand in its only chunk."""
    plain = next((part for part in chunks if part.name in (b"VP8 ", b"VP8L")), None)
    if plain is None or len(plain.payload) < 10:
        raise PixelError("The WebP picture is damaged: it has no picture data; make it again.")
    if plain.name == b"VP8 ":
        width, height = (int(side) & 0x3FFF for side in struct.unpack_from("<HH", plain.payload, 6))
        flags = 0
    else:
        packed = int.from_bytes(plain.payload[1:5], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        flags = packed >> 24 & 0x10  # bit 28 says that there is transparency
    return bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _riff_chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)
