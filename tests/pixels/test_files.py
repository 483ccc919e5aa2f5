"""Picture files: what is read, what is refused, and bytes that do not change."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from figment.pixels.errors import PixelError
from figment.pixels.files import MAX_PIXELS, Format, encode, load, read_text

FORMATS: tuple[Format, ...] = ("png", "jpeg", "webp")
KOREAN = "빨간 사과, a red apple\nSteps: 12"


def gradient(height: int = 12, width: int = 16) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 20, columns * 15, rows + columns], axis=-1).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", FORMATS)
def test_pictures_and_their_text_come_back(tmp_path: Path, format: Format) -> None:
    path = tmp_path / "any-name"
    path.write_bytes(encode(gradient(), format, text=KOREAN, lossless=format == "webp"))
    image = load(path)
    assert image.shape == (12, 16, 3)
    assert np.abs(image.astype(int) - gradient()).max() <= (8 if format == "jpeg" else 0)
    assert read_text(path) == KOREAN


@pytest.mark.parametrize("format", FORMATS)
def test_same_picture_same_bytes(format: Format) -> None:
    assert encode(gradient(), format, text=KOREAN) == encode(gradient().copy(), format, text=KOREAN)


def test_text_chunk_is_plain_where_latin_can_hold_it() -> None:
    assert b"tEXtparameters\0a red apple" in encode(gradient(), "png", text="a red apple")
    assert b"iTXtparameters" in encode(gradient(), "png", text="빨간 사과")


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_comment_is_where_other_programs_look(format: Format) -> None:
    assert b"UNICODE\0" + "사과".encode("utf-16-be") in encode(gradient(), format, text="사과")


def test_one_channel_pictures_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    path.write_bytes(encode(gradient()[..., :1], "png"))
    np.testing.assert_array_equal(load(path, "L"), gradient()[..., 0])


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    Image.fromarray(gradient()).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(load(tmp_path / "turned.png"), np.rot90(gradient(), -1))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_are_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    drawn = image.quantize(2) if mode == "P" else image.convert(mode)
    assert drawn.mode == mode
    drawn.save(tmp_path / "clear.png")
    loaded = load(tmp_path / "clear.png")
    assert loaded[0, 0].tolist() == [0, 0, 0]
    assert loaded[3, 3].tolist() == [255, 255, 255]


def test_half_transparent_black_is_grey(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 128)).save(tmp_path / "half.webp", lossless=True)
    assert load(tmp_path / "half.webp")[0, 0].tolist() == [127, 127, 127]


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    levels = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    assert load(tmp_path / "deep.png", "L").tolist() == [[0, 1, 128, 255]]
    assert load(tmp_path / "deep.png").shape == (1, 4, 3)


@pytest.mark.parametrize(("width", "height"), [(8000, 5001), (10_000, 10_000), (60_000, 60_000)])
def test_decompression_bombs_are_refused_by_their_header(tmp_path: Path, width: int, height: int) -> None:
    assert width * height > MAX_PIXELS
    (tmp_path / "bomb.png").write_bytes(png_header(width, height))
    with pytest.raises(PixelError, match=r"too large.*40 megapixels"):
        load(tmp_path / "bomb.png")


def test_largest_picture_is_not_refused_for_its_size(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png_header(8000, 5000))
    with pytest.raises(PixelError, match="damaged picture"):
        load(tmp_path / "large.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not a PNG, JPEG or WebP"), (b"hello", "not a PNG, JPEG or WebP"), (b"GIF89a", "not a PNG, JPEG or WebP")],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(PixelError, match=message):
        load(tmp_path / "x.png")


def test_gif_is_not_on_the_list(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "x.gif")
    with pytest.raises(PixelError, match="not a PNG, JPEG or WebP"):
        load(tmp_path / "x.gif")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="There is no picture"):
        load(tmp_path / "none.png")
    with pytest.raises(PixelError, match=r"Cannot read .*: Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_pictures_are_refused(tmp_path: Path, format: Format) -> None:
    whole = encode(gradient(64, 64), format)
    for length in range(1, len(whole) - 32, 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(PixelError, match=r"damaged|not a PNG"):
            load(tmp_path / "cut")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(format=st.sampled_from(FORMATS), place=st.integers(0, 10**6), patch=st.binary(min_size=1, max_size=8))
def test_damage_is_a_pixel_error_or_a_picture(tmp_path: Path, format: Format, place: int, patch: bytes) -> None:
    content = bytearray(encode(gradient(), format, text=KOREAN))
    start = place % len(content)
    content[start : start + len(patch)] = patch
    (tmp_path / "patched").write_bytes(content)
    for read in (load, read_text):
        with contextlib.suppress(PixelError):
            read(tmp_path / "patched")


def test_what_a_format_cannot_hold_is_refused() -> None:
    wide = np.zeros((1, 70_000, 3), np.uint8)
    for format in ("jpeg", "webp"):
        with pytest.raises(PixelError, match="70000x1 picture cannot be written"):
            encode(wide, format)
    with pytest.raises(PixelError, match="cannot be written as jpeg"):
        encode(gradient(), "jpeg", text="x" * 70_000)


def test_encoded_bytes_are_a_whole_file() -> None:
    with Image.open(io.BytesIO(encode(gradient(), "png"))) as image:
        np.testing.assert_array_equal(np.asarray(image), gradient())
