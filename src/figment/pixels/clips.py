"""Clips, frame by frame: MP4, MOV, WebM, Matroska, GIF and AVI, told apart by their content, never by their name.

FFmpeg gets a file that is already open, one demuxer and no protocol, so that nothing in a clip can make it open
another file or an address.
"""

import os
from collections.abc import Container, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from figment.pixels import containers
from figment.pixels.errors import PixelError

__all__ = ["MAX_FRAMES", "MAX_PIXELS", "Clip", "Times", "frames", "opened", "probe", "times"]

MAX_PIXELS = 4096 * 4096
"""Most pixels of a frame; a decoder holds some twenty frames at once."""
MAX_FRAMES = 500_000
"""Most frames of a clip: more than two hours at 60 a second."""
THREADS = 4
"""Each thread of a decoder holds frames of its own."""
LEAPLESS = ("gif", "avi")
"""Kinds read from the start always: frames of a GIF are laid on each other, and an AVI says places by its packets."""
USUAL_RATE = Fraction(25)
"""Frames a second of a clip that does not say when its frames are shown."""

_OPTIONS = {"max_pixels": str(MAX_PIXELS), "protocol_whitelist": "none", "enable_drefs": "0"}
EXACT = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""How colours are converted, on all machines alike; FFmpeg by itself makes pictures darker by 1.4 levels of 255."""

# What PyAV raises on damaged files: FFmpeg's errors, and its own on values it did not expect.
_DAMAGE = (av.FFmpegError, ValueError, OSError, EOFError, OverflowError, TypeError)


@dataclass(frozen=True)
class Clip:
    """What a clip says of itself."""

    width: int
    """Pixels, before the frames are turned upright."""
    height: int
    rate: Fraction
    """Frames a second on average; 0 when the clip does not say."""
    frames: int
    """Number of frames; 0 when the clip does not say."""
    codec: str
    """FFmpeg's name of it, such as "h264"."""


@dataclass(frozen=True)
class Times:
    """When the frames of a clip are shown, and where reading may begin."""

    ticks: tuple[int, ...]
    """When each frame is shown first, counted in `base`; each is larger than the one before."""
    base: Fraction
    """Length of a tick in seconds."""
    end: int
    """Tick at which the last frame is shown no longer."""
    keys: tuple[int, ...]
    """Numbers of the frames that can be read without those before them; 0 is one of them."""

    def seconds(self, number: int) -> Fraction:
        """When frame `number` is shown first."""
        return self.ticks[number] * self.base

    def key(self, number: int) -> int:
        """The last frame up to `number` that can be read without those before it."""
        return max(key for key in self.keys if key <= number)


def probe(path: Path) -> Clip:
    """What the clip at `path` says of itself; no frame is decoded for it that is larger than `MAX_PIXELS`.

    Raises PixelError for anything that is not a whole clip of a known kind and bounded size.
    """
    with opened(path) as (_, stream):
        return _describe(path, stream)


def times(path: Path) -> Times:
    """When the frames of the clip at `path` are shown; all are decoded for it, so that damage shows.

    Where a clip does not say it of each frame, or not in their order, they are spread evenly.
    Raises PixelError for anything that is not a whole clip of a known kind and bounded size.
    """
    with opened(path) as (container, stream):
        rate = _describe(path, stream).rate or USUAL_RATE
        ticks: list[int | None] = []
        keys, length = [0], 0
        for frame in islice(container.decode(stream), MAX_FRAMES + 1):
            if frame.is_corrupt:
                raise PixelError(f"{path} is damaged at frame {len(ticks)}; copy it again or convert it.")
            if frame.key_frame and ticks and container.format.name not in LEAPLESS:
                keys.append(len(ticks))
            ticks.append(frame.pts)
            length = frame.duration or 0
        _check_count(path, len(ticks))
        said = tuple(tick for tick in ticks if tick is not None)
        base = stream.time_base
        if base is None or len(said) < len(ticks) or any(after <= before for before, after in pairwise(said)):
            return Times(tuple(range(len(ticks))), 1 / rate, len(ticks), (0,))
        end = said[0] + stream.duration if stream.duration else said[-1] + (length or round(1 / (rate * base)))
        return Times(said, base, max(end, said[-1] + 1), tuple(keys))


def frames(
    path: Path, first: int = 0, times: Times | None = None, only: Container[int] | None = None
) -> Generator[NDArray[np.uint8], None, None]:
    """Frames of the clip at `path`, uint8 (H, W, 3) sRGB, upright, all of one size, decoded as they are asked for.

    From number `first` on, where `only` is given those in it; with the `times` of the clip those before `first` need
    not all be decoded. Raises PixelError for anything that is not a whole clip of a known kind and bounded size.
    """
    with opened(path) as (container, stream):
        _describe(path, stream)
        shape: tuple[int, ...] | None = None
        number = first - 1
        for number, frame in enumerate(_decoded(container, stream, first, times), first):
            if number >= MAX_FRAMES:
                _check_count(path, number + 1)
            if only is not None and number not in only:
                continue
            image = _upright(frame)
            if shape not in (None, image.shape):
                raise PixelError(f"{path} changes its size at frame {number}; convert it to one size first.")
            shape = image.shape
            yield image
        if first == 0:
            _check_count(path, number + 1)


def _decoded(
    container: InputContainer, stream: VideoStream, first: int, times: Times | None
) -> Iterator[av.VideoFrame]:
    """Frames from number `first` on, after a leap to the key frame before it where its `times` are known."""
    if times is None or first >= len(times.ticks) or times.key(first) == 0:
        yield from islice(container.decode(stream), first, None)
        return
    wanted = times.ticks[first]
    for key in (times.key(first), 0):  # a leap may end too late, where times of reading and showing differ
        container.seek(times.ticks[key], stream=stream)
        later = (frame for frame in container.decode(stream) if frame.pts is not None and frame.pts >= wanted)
        found = next(later, None)
        if found is not None and found.pts == wanted:
            yield found
            yield from later
            return
    raise PixelError(f"Frame {first} cannot be found; the clip is not the one whose times are known.")


def _check_count(path: Path, count: int) -> None:
    if count == 0:
        raise PixelError(f"{path} has no frame that can be read; copy it again.")
    if count > MAX_FRAMES:
        raise PixelError(f"{path} has more than {MAX_FRAMES:,} frames; cut it into shorter clips.")


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The clip at `path` and its first video stream; damage found in use is a PixelError."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise PixelError(f"There is no clip {path}.") from None
    except OSError as error:
        raise PixelError(f"Cannot read {path}: {error.strerror}.") from error
    with file:
        kind = _identify(path, file)
        try:
            with _demuxed(file, kind) as container:
                yield container, _video(path, container)
        except PixelError:
            raise
        except _DAMAGE as error:
            raise PixelError(f"{path} is a damaged clip ({_reason(error)}); copy it again.") from error


def _identify(path: Path, file: BinaryIO) -> containers.Kind:
    kind = containers.identify(file.read(12))
    if kind is None:
        raise PixelError(f"{path} is not an MP4, MOV, WebM, Matroska, GIF or AVI clip, or its start is damaged.")
    if not containers.is_whole(file, kind, os.fstat(file.fileno()).st_size):
        raise PixelError(f"{path} is cut off or damaged; copy it again.")
    file.seek(0)
    return kind


def _demuxed(file: BinaryIO, kind: containers.Kind) -> InputContainer:
    return av.open(file, "r", format=kind, options=_OPTIONS, metadata_errors="replace", io_open=_refuse)


def _refuse(url: str, _flags: int, _options: dict[str, Any]) -> BinaryIO:
    raise PermissionError(f"a clip may not open {url!r}")


def _video(path: Path, container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise PixelError(f"{path} holds no pictures, only sound or text.")
    stream = container.streams.video[0]
    if not stream.codec_context:  # for a codec that it does not know, PyAV has None, which its types do not say
        raise PixelError(f"{path} is coded in a way that cannot be read; convert it to H.264 in MP4.")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = THREADS
    return stream


def _describe(path: Path, stream: VideoStream) -> Clip:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height == 0:  # FFmpeg forgets the size when the first frame breaks the bound
        raise PixelError(f"{path} does not tell its size, or its frames have more than {MAX_PIXELS:,} pixels.")
    if width * height > MAX_PIXELS:
        raise PixelError(f"{path} is too large ({width}x{height}); a frame may have {MAX_PIXELS:,} pixels at most.")
    if stream.frames > MAX_FRAMES:
        raise PixelError(f"{path} has {stream.frames:,} frames; at most {MAX_FRAMES:,} can be read.")
    rate = stream.average_rate or Fraction(0)
    return Clip(width, height, rate, stream.frames, stream.codec_context.name)


def _upright(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Frame as the camera was held; `rotation` is counter-clockwise."""
    image = np.rot90(frame.reformat(format="rgb24", interpolation=EXACT).to_ndarray(), round(frame.rotation / 90))
    return np.ascontiguousarray(image, dtype=np.uint8)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
