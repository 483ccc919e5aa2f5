"""Clips: frames as they were put in, upright, and refusals of what is not whole."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figment.pixels.clips import Clip, Times, frames, probe, times
from figment.pixels.errors import PixelError

HEIGHT, WIDTH, COUNT = 48, 64, 6
Writer = Callable[[Path], None]


def frame(number: int) -> NDArray[np.uint8]:
    """A grey level for each frame, with its top left quarter red."""
    image = np.full((HEIGHT, WIDTH, 3), 40 + 30 * number, np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = (230, 20, 20)
    return image


def write(path: Path, codec: str, format: str, images: list[NDArray[np.uint8]]) -> None:
    with av.open(str(path), "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=12)  # of the kind that the codec makes it
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_gif(path: Path) -> None:
    first, *rest = (Image.fromarray(frame(number)) for number in range(COUNT))
    first.save(path, "GIF", save_all=True, append_images=rest, duration=80)


def written_with(codec: str, format: str) -> Writer:
    return lambda path: write(path, codec, format, [frame(number) for number in range(COUNT)])


KINDS = {
    "mp4": written_with("mpeg4", "mp4"),
    "mov": written_with("mpeg4", "mov"),
    "webm": written_with("libvpx", "webm"),
    "mkv": written_with("mpeg4", "matroska"),
    "avi": written_with("mpeg4", "avi"),
    "gif": write_gif,
}


@pytest.fixture(scope="session", params=list(KINDS))
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("clips") / "any-name"
    KINDS[request.param](path)
    return path


def test_frames_are_what_was_put_in(clip: Path) -> None:
    shown = list(frames(clip))
    assert len(shown) == COUNT
    for number, image in enumerate(shown):
        assert image.dtype == np.uint8
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert abs(int(image[-8:, -8:].mean()) - (40 + 30 * number)) < 12
        assert np.abs(image[6:18, 6:26].mean(axis=(0, 1)) - (230, 20, 20)).max() < 25


def test_a_clip_says_what_it_is_before_it_is_decoded(clip: Path) -> None:
    described = probe(clip)
    assert (described.width, described.height) == (WIDTH, HEIGHT)
    assert described.frames in (0, COUNT)
    assert 11 < described.rate < 13


def test_probe_in_full(tmp_path: Path) -> None:
    KINDS["mp4"](tmp_path / "clip")
    assert probe(tmp_path / "clip") == Clip(WIDTH, HEIGHT, Fraction(12), COUNT, "mpeg4")


def test_wherever_a_clip_is_cut_off_it_is_refused(clip: Path, tmp_path: Path) -> None:
    content = clip.read_bytes()
    for length in range(0, len(content) - 1, max(1, len(content) // 40)):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(PixelError, match=r"cut off|damaged|its start is"):
            list(frames(tmp_path / "cut"))
        with pytest.raises(PixelError):
            probe(tmp_path / "cut")


def test_frames_are_turned_upright(tmp_path: Path) -> None:
    KINDS["mp4"](tmp_path / "clip")
    content = (tmp_path / "clip").read_bytes()
    header = content.index(b"tkhd")
    # The matrix of the track header, ISO/IEC 14496-12, 8.3.2: shown a quarter turn clockwise, as phones write it.
    upright = b"".join(number.to_bytes(4, "big") for number in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    clockwise = (0, 1 << 16, 0, (1 << 32) - (1 << 16), 0, 0, HEIGHT << 16, 0, 1 << 30)
    place = content.index(upright, header)
    turned = b"".join(number.to_bytes(4, "big") for number in clockwise)
    (tmp_path / "turned").write_bytes(content[:place] + turned + content[place + len(turned) :])
    for image, before in zip(frames(tmp_path / "turned"), frames(tmp_path / "clip"), strict=True):
        np.testing.assert_array_equal(image, np.rot90(before, -1))


def test_frames_are_decoded_as_they_are_asked_for(tmp_path: Path) -> None:
    KINDS["mp4"](tmp_path / "clip")
    task = frames(tmp_path / "clip")
    assert next(task).shape == (HEIGHT, WIDTH, 3)
    task.close()
    (tmp_path / "clip").unlink()  # Windows refuses this while the file is open


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound"), "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(PixelError, match="holds no pictures"):
        probe(tmp_path / "sound")


def test_unknown_codecs_are_refused(tmp_path: Path) -> None:
    KINDS["avi"](tmp_path / "clip")
    (tmp_path / "clip").write_bytes((tmp_path / "clip").read_bytes().replace(b"FMP4", b"zzzz"))
    with pytest.raises(PixelError, match="coded in a way that cannot be read"):
        list(frames(tmp_path / "clip"))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="There is no clip"):
        probe(tmp_path / "none")
    with pytest.raises(PixelError, match="Cannot read"):
        next(frames(tmp_path))


def write_at(path: Path, ticks: list[int], codec: str = "libx264", format: str = "mp4", options: str = "") -> None:
    """Noise that moves, each frame shown at one of `ticks`, which are hundredths of a second."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH + len(ticks), 3), np.uint8)
    with av.open(str(path), "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=100, options={"x264-params": options} if options else {})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        for number, tick in enumerate(ticks):
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(noise[:, number : number + WIDTH]), format="rgb24")
            image.pts, image.time_base = tick, Fraction(1, 100)
            container.mux(stream.encode(image))
        container.mux(stream.encode())


VARYING = [0, 4, 5, 12, 20, 21, 22, 40, 44, 48, 52, 60, 61, 62, 63, 70, 90, 94]


def test_times_are_those_at_which_frames_were_put_in(tmp_path: Path) -> None:
    for format in ("mp4", "matroska"):
        write_at(tmp_path / format, VARYING, format=format)
        told = times(tmp_path / format)
        assert [told.seconds(number) for number in range(len(VARYING))] == [Fraction(t, 100) for t in VARYING]
        assert told.end > told.ticks[-1]


def test_frames_of_a_gif_have_the_times_that_it_says(tmp_path: Path) -> None:
    first, *rest = (Image.fromarray(frame(number)) for number in range(3))
    first.save(tmp_path / "gif", "GIF", save_all=True, append_images=rest, duration=[50, 120, 300])
    told = times(tmp_path / "gif")
    assert [told.seconds(number) for number in range(3)] == [0, Fraction(5, 100), Fraction(17, 100)]
    assert told.end * told.base == Fraction(47, 100)


OPEN = "open-gop=1:keyint=5:min-keyint=2:bframes=3:b-adapt=0"
LEAPS = {
    "open groups": ("libx264", "mp4", OPEN),
    "matroska": ("libx264", "matroska", OPEN),
    "keys everywhere": ("libx264", "mp4", "keyint=2:min-keyint=1:bframes=1:b-adapt=0:open-gop=1"),
    "vp8": ("libvpx", "webm", ""),
    "avi": ("mpeg4", "avi", ""),
}


@pytest.mark.parametrize("kind", LEAPS)
def test_from_anywhere_frames_are_the_same_as_from_the_start(kind: str, tmp_path: Path) -> None:
    codec, format, options = LEAPS[kind]
    write_at(tmp_path / "clip", list(range(0, 72, 4)), codec, format, options)
    told, whole = times(tmp_path / "clip"), list(frames(tmp_path / "clip"))
    assert len(whole) == len(told.ticks)
    assert (len(told.keys) > 2) == bool(options)  # those that say where to begin do leap
    for first in range(len(whole) + 1):
        for leap in (told, None):
            rest = list(frames(tmp_path / "clip", first, leap))
            np.testing.assert_array_equal(np.array(rest), np.array(whole[first:]))
            some = list(frames(tmp_path / "clip", first, leap, only={0, 3, 4, 99}))
            np.testing.assert_array_equal(np.array(some), np.array([whole[n] for n in (0, 3, 4) if n >= first]))


def test_damage_that_a_decoder_paints_over_is_told(tmp_path: Path) -> None:
    write_at(tmp_path / "clip", VARYING, options="bframes=0")
    with av.open(str(tmp_path / "clip")) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][9]
    assert packet.pos is not None
    content = bytearray((tmp_path / "clip").read_bytes())
    content[packet.pos + packet.size // 2 : packet.pos + packet.size] = bytes(packet.size - packet.size // 2)
    (tmp_path / "clip").write_bytes(content)
    assert len(list(frames(tmp_path / "clip"))) == len(VARYING)
    with pytest.raises(PixelError, match=r"damaged at frame 9; copy it again or convert it\."):
        times(tmp_path / "clip")


def test_times_of_another_clip_are_found_out(tmp_path: Path) -> None:
    write_at(tmp_path / "clip", VARYING, options=OPEN)
    told = times(tmp_path / "clip")
    other = Times(tuple(tick + 1 for tick in told.ticks), told.base, told.end, told.keys)
    with pytest.raises(PixelError, match="Frame 12 cannot be found"):
        next(frames(tmp_path / "clip", 12, other))


def test_colours_are_neither_darker_nor_lighter(tmp_path: Path) -> None:
    """Flat squares, which coding keeps; their mean is what rounding does."""
    squares = (
        np.random.default_rng(0).integers(30, 226, (HEIGHT // 8, WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    with av.open(str(tmp_path / "clip"), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"qp": "1"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        picture = av.VideoFrame.from_ndarray(squares, format="rgb24")
        container.mux(stream.encode(picture.reformat(format="yuv420p", interpolation="AREA")))
        container.mux(stream.encode())
    (shown,) = frames(tmp_path / "clip")
    assert abs((shown[4::8, 4::8].astype(float) - squares[4::8, 4::8]).mean()) < 0.3


def test_ten_bits_are_read(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "clip"), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p10le"
        for number in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame(number), format="rgb24")))
        container.mux(stream.encode())
    for number, image in enumerate(frames(tmp_path / "clip")):
        assert np.abs(image[-8:, -8:].astype(int) - (40 + 30 * number)).max() < 5
