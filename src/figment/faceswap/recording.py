"""Frames coded as H.264 into an MP4, with the times of a clip, its colours as they are told, and its sound as it is.

The same frames and clip make the same bytes on every machine: no time, no version and no number of cores goes in.
"""

import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from figment.core.errors import InputError, OutputError
from figment.pixels import clips
from figment.pixels.clips import Times

__all__ = ["LOSSLESS", "mute", "record"]

LOSSLESS = -1
"""In place of a rate factor: each pixel stays as it is."""
_FILE = {"movflags": "+faststart", "fflags": "+bitexact"}
_CODER = {"preset": "medium", "x264-params": "threads=4:cpu-independent=1"}
_EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_BT709, _BT601, _UNSAID, _RGB = 1, 5, 2, 0
_LIMITED, _FULL = 1, 2
_MATRICES = {_BT709: _BT709, _UNSAID: _BT601, 5: _BT601, 6: _BT601, 4: 4, 7: 7, 9: 9}
"""What colours are converted by, for each way in which a clip may say it (ITU-T H.273, table 4)."""


def record(
    path: Path,
    images: Iterable[NDArray[np.uint8]],
    times: Times,
    factor: int,
    clip: Path | None = None,
    sound: bool = True,
) -> Generator[int, None, None]:
    """Write `images`, uint8 (H, W, 3) of one size, to the MP4 `path`, shown at `times`; yields how many are written.

    `factor` is x264's constant rate factor, 0 to 51, less being better, or LOSSLESS. An odd width or height is made
    even by showing its last pixels twice, save without loss. From `clip` come the shape of pixels, the meaning of
    colours and, with `sound`, its sound packet by packet, where MP4 takes it (see `mute`). Raises OutputError, or
    InputError where the images are not as many as there are times.
    """
    with ExitStack() as stack:
        source = stack.enter_context(clips.opened(clip)) if clip else None
        try:
            with av.open(str(path), "w", format="mp4", options=_FILE) as target:
                yield from _written(target, images, times, factor, source, sound)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"Cannot write a clip to {path.parent}: {error.strerror or error}.") from error


def mute(clip: Path) -> str:
    """Codecs of the sounds of `clip` that MP4 does not take, which `record` leaves out; empty where it takes all."""
    with clips.opened(clip) as (container, _):
        return ", ".join(sound.codec_context.name for sound in container.streams.audio if not _taken(sound))


def _written(
    target: OutputContainer,
    images: Iterable[NDArray[np.uint8]],
    times: Times,
    factor: int,
    source: tuple[InputContainer, VideoStream] | None,
    sound: bool,
) -> Iterator[int]:
    coder: _Coder | None = None
    heard: _Sound | None = None
    number = 0
    for image in images:
        if number >= len(times.ticks):
            raise InputError(f"There are more frames than the {len(times.ticks)} of the clip.")
        if coder is None:
            coder = _Coder(target, image, times, factor, source[1].codec_context if source else None)
            heard = _Sound(source[0], target) if source and sound else None
        coder.put(number, image)
        if heard:
            heard.until(times.seconds(number))
        number += 1
        yield number
    if coder is None or number < len(times.ticks):
        raise InputError(f"There are {number} frames, but the clip has {len(times.ticks)}.")
    coder.end()
    if heard:
        heard.until(None)


class _Coder:
    """The pictures of a clip on their way into a file."""

    def __init__(
        self,
        target: OutputContainer,
        image: NDArray[np.uint8],
        times: Times,
        factor: int,
        look: VideoCodecContext | None,
    ) -> None:
        self.target, self.times, self.shape, self.lossless = target, times, image.shape, factor == LOSSLESS
        name, crf = ("libx264rgb", 0) if self.lossless else ("libx264", factor)
        self.stream = cast(VideoStream, target.add_stream(name, options={**_CODER, "crf": str(crf)}))
        height, width = self._even(image).shape[:2]
        self.stream.height, self.stream.width = height, width
        self.stream.pix_fmt = "rgb24" if self.lossless else "yuv420p"
        self.stream.time_base = self.stream.codec_context.time_base = times.base
        self.stream.codec_context.flags |= Flags.bitexact | Flags.frame_duration
        self.held: list[av.Packet[VideoStream]] = []
        self.first: int | None = None
        self.matrix = self._look(self.stream.codec_context, look, width > height)

    def _look(self, coder: VideoCodecContext, look: VideoCodecContext | None, wide: bool) -> int:
        """Tell `coder` what colours mean and how wide pixels are, as `look` does; what to convert colours by."""
        said = (_BT709, _BT709, _BT709)
        if look is not None and look.colorspace in _MATRICES and look.format and not look.format.is_rgb:
            said = (look.colorspace, look.color_primaries, look.color_trc)
        coder.colorspace, coder.color_primaries, coder.color_trc = said
        coder.color_range = _LIMITED
        if self.lossless:
            coder.colorspace, coder.color_range = _RGB, _FULL
        ratio = look.sample_aspect_ratio if look is not None else None
        if look is not None and ratio:
            coder.sample_aspect_ratio = ratio if (look.width > look.height) == wide else 1 / ratio
        return _MATRICES[said[0]]

    def put(self, number: int, image: NDArray[np.uint8]) -> None:
        """Code frame `number`."""
        if image.shape != self.shape:
            raise InputError(f"Frame {number} is of another size than those before it; a clip has one size.")
        frame = av.VideoFrame.from_ndarray(self._even(image), format="rgb24")
        if not self.lossless:
            frame = frame.reformat(format="yuv420p", dst_colorspace=self.matrix, interpolation=_EXACT)
        ticks = (*self.times.ticks[number : number + 2], self.times.end)
        frame.pts, frame.duration, frame.time_base = ticks[0], ticks[1] - ticks[0], self.times.base
        self._send(self.stream.encode(frame))

    def end(self) -> None:
        """Write what the coder still holds.

        An MP4 says how long a packet lasts until the next is decoded, not until the next is shown: all that the last
        one to be decoded can do is to make the whole as long as it should be.
        """
        self._send(self.stream.encode())
        for packet in self.held:
            packet.duration = self.times.end - self.times.ticks[0] + (self.first or 0) - (packet.dts or 0)
        self.target.mux(self.held)

    def _send(self, packets: "Sequence[av.Packet[VideoStream]]") -> None:
        """Write all packets but the last one."""
        self.held += packets
        if self.held and self.first is None:
            self.first = self.held[0].dts
        self.target.mux(self.held[:-1])
        del self.held[:-1]

    def _even(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        if self.lossless or (height % 2 == 0 and width % 2 == 0):
            return np.ascontiguousarray(image)
        return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


class _Sound:
    """The sounds of a clip on their way into a file, packet by packet."""

    def __init__(self, source: InputContainer, target: OutputContainer) -> None:
        self.target = target
        self.streams = {
            sound.index: target.add_stream_from_template(sound) for sound in source.streams.audio if _taken(sound)
        }
        self.packets = source.demux([source.streams[index] for index in self.streams]) if self.streams else iter(())
        self.held: Any = next(self.packets, None)

    def until(self, seconds: Fraction | None) -> None:
        """Copy what is heard up to `seconds`, or all."""
        while (packet := self.held) is not None:
            if packet.dts is not None:  # the last of each stream is empty
                if seconds is not None and packet.dts * packet.time_base > seconds:
                    return
                packet.stream = self.streams[packet.stream.index]
                self.target.mux(packet)
            self.held = next(self.packets, None)


def _taken(sound: AudioStream) -> bool:
    """Whether an MP4 takes `sound` as it is."""
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            trial.add_stream_from_template(sound)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
