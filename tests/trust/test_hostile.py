"""Files made to do harm: each is refused in one sentence, opens nothing, runs nothing and takes little memory.

What lies in model files is in tests/core/test_weights.py and test_pickles.py, names in tests/core/test_paths.py.
"""

import json
import os
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from figment.pixels.files import MAX_BYTES

ROOT = Path(__file__).parents[2]
MOST_MEMORY = 150 * 2**20
"""Bytes that opening the whole corpus may take; any of its bombs would take more."""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(megabytes)), packer.flush()])


def png(width: int, height: int, *chunks: bytes, data: bytes = b"") -> bytes:
    """A PNG of one bit a pixel."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def clip_of_one_png(width: int, height: int, stated: tuple[int, int]) -> bytes:
    """A MOV of a black picture of the one size, whose header says the other."""
    picture, content = BytesIO(), BytesIO()
    Image.new("1", (width, height)).save(picture, "PNG")
    with av.open(content, "w", format="mov") as container:
        stream: Any = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = *stated, "rgb24"
        packet = av.Packet(picture.getvalue())
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
        container.mux(packet)
    return content.getvalue()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was said of each file of the corpus, and the memory that it took."""
    folder: Path = tmp_path_factory.mktemp("corpus")
    zeros, small = packed_zeros(200), zlib.compress(bytes(3 * 8))
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.mp4"
    secret.write_bytes(clip_of_one_png(64, 48, (64, 48)))
    link = secret.as_posix()
    corpus = {
        "bomb.png": png(20_000, 20_000, data=packed_zeros(48)),
        "text-bomb.png": png(8, 8, chunk(b"zTXt", b"parameters\0\0" + zeros), data=small),
        "unicode-bomb.png": png(8, 8, chunk(b"iTXt", b"parameters\0\1\0\0\0" + zeros), data=small),
        "profile-bomb.png": png(8, 8, chunk(b"iCCP", b"profile\0\0" + zeros), data=small),
        "pixel-bomb.png": png(8, 8, data=zeros),
        "large.mp4": clip_of_one_png(8192, 8192, (8192, 8192)),
        "lying.mp4": clip_of_one_png(8192, 8192, (64, 48)),
        "concat.mp4": f"ffconcat version 1.0\nfile '{link}'\n".encode(),
        "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{link}\n#EXT-X-ENDLIST\n".encode(),
        "session.mp4": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "manifest.mp4": f"<?xml version='1.0'?><MPD><BaseURL>{link}</BaseURL></MPD>".encode(),
        "empty.mp4": b"",
        "empty.webp": b"",
        "zeros.mp4": bytes(100_000),
        "boxes.mp4": b"\0\0\0\x08ftyp" + b"\0\0\0\x08free" * 200_000,
        "endless-box.mp4": b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\1moov" + b"\xff" * 8,
        "many-samples.mp4": samples_without_end(),
        "script.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    }
    for name, content in corpus.items():
        (folder / name).write_bytes(content)
    with (folder / "sparse.png").open("wb") as file:  # claims a text of 1 GB, and is that long without taking the disk
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 1, 0, 0, 0, 0)))
        file.write(struct.pack(">I", 2**30) + b"tEXt")
        file.truncate(MAX_BYTES + 1)
    command = [sys.executable, str(Path(__file__).with_name("open_hostile.py")), str(folder)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert child.returncode == 0, child.stderr
    result: dict[str, Any] = json.loads(child.stdout)
    assert set(result["said"]) == {*corpus, "sparse.png"}
    return result


def samples_without_end() -> bytes:
    """An MP4 whose table says that it lists 2^28 samples."""
    table = b"\0\0\0\x14stsz" + bytes(4) + bytes(4) + struct.pack(">I", 2**28)
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        table = struct.pack(">I", len(table) + 8) + kind + table
    return b"\0\0\0\x10ftypisom\0\0\0\0" + table


SAID = {
    "bomb.png": "too large",
    "text-bomb.png": "is a damaged picture",
    "unicode-bomb.png": "is a damaged picture",
    "large.mp4": "more than 16,777,216 pixels",
    "lying.mp4": "more than 16,777,216 pixels",
    "concat.mp4": "is not an MP4",
    "playlist.mp4": "is not an MP4",
    "session.mp4": "is not an MP4",
    "manifest.mp4": "is not an MP4",
    "empty.mp4": "is not an MP4",
    "empty.webp": "is not a PNG",
    "zeros.mp4": "is not an MP4",
    "boxes.mp4": "cut off or damaged",
    "endless-box.mp4": "cut off or damaged",
    "many-samples.mp4": "",
    "script.png": "is not a PNG",
    "sparse.png": "is too large; at most 512 MB",
}


@pytest.mark.parametrize("name", list(SAID))
def test_hostile_files_are_refused_in_one_sentence(opened: dict[str, Any], name: str) -> None:
    said: str = opened["said"][name]
    assert said != "read"
    assert SAID[name] in said
    assert said.endswith(".")
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize("name", ["profile-bomb.png", "pixel-bomb.png"])
def test_what_is_too_much_is_left_out_or_refused(opened: dict[str, Any], name: str) -> None:
    assert opened["said"][name] == "read" or "damaged picture" in opened["said"][name]


def test_memory_is_bounded(opened: dict[str, Any]) -> None:
    assert 0 < opened["memory"] < MOST_MEMORY or sys.platform == "win32"


def test_a_clip_that_says_its_true_size_is_read(tmp_path: Path) -> None:
    """The corpus is refused for what it does, not for how it was made."""
    (tmp_path / "honest.mp4").write_bytes(clip_of_one_png(64, 48, (64, 48)))
    command = [sys.executable, str(Path(__file__).with_name("open_hostile.py")), str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(child.stdout)["said"] == {"honest.mp4": "read"}


def test_two_hundred_mutated_files_for_every_parser() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--count", "200"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment, check=False)
    assert child.returncode == 0, child.stdout + child.stderr
    assert child.stdout.count("faults   0") == 12
