"""Results as clips: whole files with the frames, times, sound, size and colours of the clip they were made from."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags
from numpy.typing import NDArray

from figment.core.errors import InputError, OutputError
from figment.core.task import Progress, finish
from figment.faceswap.frames import images
from figment.faceswap.video import VideoSettings, encode, masks
from figment.faceswap.workspace import Workspace
from figment.pixels.clips import frames, probe, times

HEIGHT, WIDTH = 48, 64
VARYING = [0, 4, 5, 12, 20, 21, 22, 40, 44, 48, 52, 60]
"""When frames are shown, in hundredths of a second."""
END = 85
"""When the last one is shown no longer."""
SOUNDS = {"mp4": "aac", "matroska": "pcm_u8", "avi": "mp3"}
Picture = NDArray[np.uint8]


def squares(number: int, height: int = HEIGHT, width: int = WIDTH) -> Picture:
    """Flat squares of many colours, which coding keeps."""
    colours = np.random.default_rng(number).integers(30, 226, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return np.ascontiguousarray(colours.repeat(8, 0).repeat(8, 1)[:height, :width])


def write_clip(path: Path, format: str = "mp4", sound: bool = True, **look: Any) -> None:
    """A clip with the frames `squares` at the times VARYING, and a tone; `look` is told to the coder."""
    with av.open(str(path), "w", format=format) as container:
        stream: Any = container.add_stream("libx264", rate=100, options={"crf": "4", "bf": "2" if look else "0"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        stream.codec_context.flags |= Flags.frame_duration
        for name, value in look.items():
            setattr(stream.codec_context, name, value)
        heard: Any = container.add_stream(SOUNDS[format], rate=44100) if sound else None
        matrix = {2: 5}.get(look.get("colorspace", 2), look.get("colorspace", 2))
        for number, tick in enumerate(VARYING):
            image = av.VideoFrame.from_ndarray(squares(number), format="rgb24")
            image = image.reformat(format="yuv420p", dst_colorspace=matrix, interpolation="AREA")
            image.pts, image.time_base = tick, Fraction(1, 100)
            image.duration = [*VARYING, END][number + 1] - tick
            container.mux(stream.encode(image))
        container.mux(stream.encode())
        if heard:
            tone = np.sin(np.arange(26460) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 0
            resampler = av.AudioResampler(heard.codec_context.format, "mono", 44100, heard.codec_context.frame_size)
            for part in (*resampler.resample(frame), *resampler.resample(None)):
                container.mux(heard.encode(part))
            container.mux(heard.encode())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_clip(tmp_path / "data_dst.mp4")
    return Workspace(tmp_path)


def made(workspace: Workspace, **settings: Any) -> Path:
    finish(encode(workspace.dst, images(workspace.dst), workspace.result, VideoSettings(**settings)))
    return workspace.result


def packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """Sound of a clip."""
    with av.open(str(path)) as container:
        sound = container.streams.audio[0]
        assert sound.time_base is not None
        return [(p.pts * sound.time_base, bytes(p)) for p in container.demux(sound) if p.pts is not None]


def test_frames_times_and_sound_are_those_of_the_clip(workspace: Workspace) -> None:
    shown = list(frames(made(workspace, crf=4)))
    told = times(workspace.result)
    assert [told.seconds(number) for number in range(len(shown))] == [Fraction(tick, 100) for tick in VARYING]
    assert told.end * told.base == Fraction(END, 100)
    for number, image in enumerate(shown):
        assert np.abs(image[4::8, 4::8].astype(int) - squares(number)[4::8, 4::8]).max() < 12
    assert packets(workspace.result) == packets(workspace.root / "data_dst.mp4")
    assert len(packets(workspace.result)) > 20


@pytest.mark.parametrize(("colorspace", "others"), [(1, 1), (2, 2), (9, 9), (5, 6)])
def test_colours_mean_what_they_meant_and_come_back_the_same(colorspace: int, others: int, tmp_path: Path) -> None:
    told: dict[str, Any] = {"colorspace": colorspace, "color_primaries": others, "color_trc": others}
    write_clip(tmp_path / "data_dst.mp4", **told)
    workspace = Workspace(tmp_path)
    with av.open(str(made(workspace, crf=1))) as container:
        coder = container.streams.video[0].codec_context
        assert {name: getattr(coder, name) for name in told} == told
    shown, before = (np.array(list(each)).astype(int) for each in (frames(workspace.result), images(workspace.dst)))
    change = (shown - before)[:, 4::8, 4::8]
    assert np.abs(change.mean((0, 1, 2))).max() < 0.4
    assert np.abs(change).mean() < 1.5  # by another matrix it is 6


def test_lossless_keeps_each_pixel_of_any_size(workspace: Workspace) -> None:
    noise = [np.random.default_rng(number).integers(0, 256, (31, 45, 3), np.uint8) for number in range(len(VARYING))]
    finish(encode(workspace.dst, noise, workspace.result, VideoSettings(lossless=True)))
    np.testing.assert_array_equal(np.array(list(frames(workspace.result))), np.array(noise))


def test_odd_sizes_are_made_even_by_showing_the_edge_twice(workspace: Workspace) -> None:
    odd = [squares(number, 33, 41) for number in range(len(VARYING))]
    finish(encode(workspace.dst, odd, workspace.result, VideoSettings(crf=1)))
    shown = next(frames(workspace.result)).astype(int)
    assert shown.shape == (34, 42, 3)
    assert np.abs(shown[4::8, 41] - odd[0][4::8, 40]).max() < 12


def test_a_turned_clip_becomes_one_that_need_not_be_turned(workspace: Workspace) -> None:
    """Its pixels, which were wide, are high then."""
    path = workspace.root / "data_dst.mp4"
    write_clip(path, sample_aspect_ratio=Fraction(4, 3))
    content = path.read_bytes()
    # The matrix of the track header (ISO/IEC 14496-12, 8.3.2): shown a quarter turn clockwise, as phones write it.
    upright = b"".join(number.to_bytes(4, "big") for number in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    clockwise = (0, 1 << 16, 0, (1 << 32) - (1 << 16), 0, 0, HEIGHT << 16, 0, 1 << 30)
    place = content.index(upright, content.index(b"tkhd"))
    turned = b"".join(number.to_bytes(4, "big") for number in clockwise)
    path.write_bytes(content[:place] + turned + content[place + len(turned) :])
    made(workspace, crf=4)
    assert (probe(workspace.result).width, probe(workspace.result).height) == (HEIGHT, WIDTH)
    with av.open(str(workspace.result)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(3, 4)
    for number, image in enumerate(frames(workspace.result)):
        expected = np.rot90(squares(number), -1)
        assert np.abs(image[4::8, 4::8].astype(int) - expected[4::8, 4::8]).max() < 12


def test_wide_pixels_stay_wide(tmp_path: Path) -> None:
    write_clip(tmp_path / "data_dst.mp4", sample_aspect_ratio=Fraction(4, 3))
    with av.open(str(made(Workspace(tmp_path)))) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_masks_become_a_clip_without_sound(workspace: Workspace) -> None:
    drawn = [np.full((HEIGHT, WIDTH), 20 * number, np.uint8) for number in range(len(VARYING))]
    finish(encode(workspace.dst, masks(drawn), workspace.result_mask, VideoSettings(), sound=False))
    for number, image in enumerate(frames(workspace.result_mask)):
        assert np.abs(image.astype(int) - 20 * number).max() < 3
    with av.open(str(workspace.result_mask)) as container:
        assert not container.streams.audio


@pytest.mark.parametrize(("format", "suffix", "warned"), [("matroska", "mkv", True), ("avi", "avi", False)])
def test_sound_that_mp4_does_not_take_is_left_out_and_told(
    format: str, suffix: str, warned: bool, tmp_path: Path
) -> None:
    write_clip(tmp_path / f"data_dst.{suffix}", format)
    workspace, reports = Workspace(tmp_path), list[Progress]()
    finish(encode(workspace.dst, images(workspace.dst), workspace.result, VideoSettings()), reports.append)
    warnings = [report.warning for report in reports if report.warning]
    assert warnings == (["MP4 does not take the sound of data_dst (pcm_u8); the result is silent."] if warned else [])
    with av.open(str(workspace.result)) as container:
        assert len(container.streams.audio) == (0 if warned else 1)


@pytest.mark.parametrize(
    ("count", "reason"), [(11, "There are 11 frames, but the clip has 12"), (13, "more frames than the 12 of the clip")]
)
def test_frames_too_few_or_too_many_leave_the_old_result(count: int, reason: str, workspace: Workspace) -> None:
    workspace.result.write_bytes(b"old")
    there = (squares(number) for number in range(count))
    with pytest.raises(InputError, match=reason):
        finish(encode(workspace.dst, there, workspace.result, VideoSettings()))
    assert workspace.result.read_bytes() == b"old"
    assert not list(workspace.root.glob(".*.part"))


def test_frames_of_two_sizes_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="Frame 1 is of another size"):
        finish(encode(workspace.dst, [squares(0), squares(1)[:40]], workspace.result, VideoSettings()))


def test_a_task_that_is_closed_leaves_nothing_and_one_that_is_run_makes_the_same_bytes(workspace: Workspace) -> None:
    task = encode(workspace.dst, images(workspace.dst), workspace.result, VideoSettings())
    next(task)
    task.close()
    assert {path.suffix for path in workspace.root.iterdir()} == {".mp4", ".sqlite"}
    assert not workspace.result.exists()
    first = made(workspace).read_bytes()
    workspace.result.unlink()
    assert made(workspace).read_bytes() == first
    with av.open(str(workspace.result)) as container:
        assert not {"creation_time", "encoder"} & set(container.metadata)


_ENCODES = """
import sys
from pathlib import Path
from figment.core.task import finish
from figment.faceswap.frames import images
from figment.faceswap.video import VideoSettings, encode
from figment.faceswap.workspace import Workspace
side = Workspace(Path(sys.argv[1])).dst
side.times
print("ready", flush=True)
finish(encode(side, images(side), Path(sys.argv[1]) / "result.mp4", VideoSettings()))
"""


def test_after_kill_9_the_result_is_whole_or_not_there_and_made_again_the_same(workspace: Workspace) -> None:
    whole = made(workspace).read_bytes()
    workspace.result.unlink()
    for delay in (0.0, 0.02, 0.05):
        command = [sys.executable, "-c", _ENCODES, str(workspace.root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
        assert not workspace.result.exists() or workspace.result.read_bytes() == whole
    assert made(workspace).read_bytes() == whole


def test_a_full_disk_is_a_sentence(workspace: Workspace) -> None:
    """No file may have more than 4,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited() -> Iterator[Picture]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
        yield from noise

    noise = np.random.default_rng(0).integers(0, 256, (len(VARYING), HEIGHT, WIDTH, 3), np.uint8)
    try:
        with pytest.raises(OutputError, match=r"Cannot write a clip to .*: File too large"):
            finish(encode(workspace.dst, limited(), workspace.result, VideoSettings(lossless=True)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(workspace.root.glob("*result*"))
