"""The result as a clip: merged frames and their masks, as long and as loud as the clip that faces were put into."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from figment.core.config import Field, config
from figment.core.files import beside
from figment.core.task import Progress, Task
from figment.faceswap.recording import LOSSLESS, mute, record
from figment.faceswap.side import Side

__all__ = ["VideoSettings", "encode", "masks"]

Frame = NDArray[np.uint8]
"""(H, W, 3) RGB."""
EVERY = 10
"""Frames between two reports."""


@config
class VideoSettings:
    """How a result is coded."""

    crf: Annotated[int, Field(ge=0, le=51)] = 16
    """Constant rate factor of x264: less is better and larger; at 16 a difference is hardly seen."""
    lossless: bool = False
    """Keep each pixel as it was merged, in a clip that takes some thirty times the room and that few players show."""


def encode(
    side: Side,
    images: Iterable[Frame],
    path: Path,
    settings: VideoSettings,
    sound: bool = True,
) -> Task[int]:
    """Write `images`, one for each frame of `side`, uint8 (H, W, 3), to the MP4 `path`; how many there are.

    They are shown at the times of the side's frames, with its sound unless `sound` is off. The file is there
    when it is whole: one that was stopped is made anew, to the same bytes. Raises OutputError, or InputError where the
    images are not as many as the frames.
    """
    times, clip = side.times, side.clip
    missing = mute(clip) if clip and sound else ""
    if missing:
        warning = f"MP4 does not take the sound of {side.label} ({missing}); the result is silent."
        yield Progress(0, len(times.ticks), "encoding", warning=warning)
    factor = LOSSLESS if settings.lossless else settings.crf
    written = 0
    with beside(path) as part, closing(record(part, images, times, factor, clip, sound)) as counts:
        for written in counts:
            if written % EVERY == 0:
                yield Progress(written, len(times.ticks), "encoding")
    yield Progress(written, written, "encoding")
    return written


def masks(pictures: Iterable[NDArray[np.uint8]]) -> Iterator[Frame]:
    """Masks, uint8 (H, W), as frames to `encode`, without sound, into a clip of their own."""
    return (np.repeat(picture[..., None], 3, -1) for picture in pictures)
