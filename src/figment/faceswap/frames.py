"""Frames of a side of a swap: read from the clip as they are asked for, and, where wanted, written as pictures."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.core.task import Progress, Task
from figment.faceswap.side import Side
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import clips, files
from figment.pixels.clips import Times

__all__ = ["Frame", "dump", "frames", "images"]

QUALITY = 97
"""Of JPEG pictures of frames."""
EVERY = 10
"""Frames between two reports."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame."""

    number: int
    """From 0."""
    time: Fraction
    """Seconds at which it is shown first."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB, upright."""

    @property
    def stem(self) -> str:
        """What DeepFaceLab calls the picture of the frame, which it counts from 1."""
        return f"{self.number + 1:05d}"


def images(
    side: Side, first: int = 0, times: Times | None = None, only: Container[int] | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the frames of `side` from number `first` on, uint8 (H, W, 3), decoded as they are asked for.

    They are the same wherever reading begins. Where `only` is given, those whose numbers are in it. `times`, where they
    are at hand, spare looking them up. Raises PixelError for a clip or picture that is damaged.
    """
    clip = side.clip
    if clip is None:
        numbered = enumerate(side.pictures[first:], first)
        yield from (files.load(path) for number, path in numbered if only is None or number in only)
    else:
        yield from clips.frames(clip, first, times or side.times, only)


def frames(side: Side, first: int = 0) -> Iterator[Frame]:
    """Frames of `side` from number `first` on, as `images` gives them, with their times."""
    times = side.times
    for number, image in enumerate(images(side, first, times), first):
        yield Frame(number, times.seconds(number), image)


def dump(workspace: Workspace, name: Literal["src", "dst"], format: Literal["png", "jpg"]) -> Task[int]:
    """Write the frames of the side called `name` as 00001.png and so on into its folder; how many there are.

    Those that are there already are kept, so that it goes on where it was stopped; pictures of another clip are moved
    to the bin first. Raises InputError where the frames are pictures as it is.
    """
    side, step = workspace.side(name), Step(f"frames {name}")
    if side.clip is None:
        raise InputError(f"The frames in {side.folder} are pictures already; there is no clip {side.label} to read.")
    workspace.begin(step, {"format": format}, outdated=side.pictures)
    paths = [side.folder / f"{number + 1:05d}.{format}" for number in range(side.count)]
    lacking = [number for number, path in enumerate(paths) if not path.is_file()]
    for frame in frames(side, lacking[0]) if lacking else ():
        if not paths[frame.number].is_file():
            _write(paths[frame.number], frame.image)
        if frame.number % EVERY == 0:
            yield Progress(frame.number, len(paths), "writing frames")
    yield Progress(len(paths), len(paths), "writing frames")
    workspace.finish(step, {"frames": len(paths)})
    return len(paths)


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    write_bytes(path, files.encode(image, files.SUFFIXES[path.suffix], quality=QUALITY))
