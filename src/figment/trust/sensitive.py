"""Whether a clip shows sexual content, as far as a network that sees single frames can tell.

No filter of this kind is perfect: it passes some of what it should stop, and may stop what is harmless. It looks at
frames alone, knows photographs better than drawings, and says nothing of who is shown or what is said.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import FigmentError, InputError
from figment.core.task import Progress, Task

__all__ = ["CAUTION", "LIMIT", "SAMPLES", "Finding", "SensitiveError", "checked", "sampled"]

SAMPLES = 32
"""Frames of a clip that are looked at; they take about three seconds of one core."""
LIMIT = 0.5
"""Score from which a frame is taken for sexual.

The network's authors call scores under 0.2 safe and over 0.8 all but certain; this is the middle of what is between.
Of 1,002 harmless pictures (879 portraits, 20 photographs, 103 frames of people talking) the highest had 0.20. How much
it misses was not measured: no sexual pictures were gathered for that.
"""
CAUTION = "No filter is perfect: some sexual content passes it, and some that is harmless does not."


class SensitiveError(FigmentError):
    """A clip shows sexual content, or seems to."""


@dataclass(frozen=True)
class Finding:
    """What was seen in the frames of one clip."""

    scores: dict[int, float]
    """How likely a frame is sexual, from 0 to 1, by its number; of all frames that were looked at."""
    frames: int
    """How many the clip has."""

    @property
    def worst(self) -> int:
        """The frame of the highest score."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def sexual(self) -> bool:
        """Whether the clip is taken for sexual: whether a single frame that was looked at is."""
        return self.scores[self.worst] >= LIMIT

    def sentence(self, clip: str) -> str:
        """What is to be said of the clip called `clip`."""
        highest = f"the highest score is {self.scores[self.worst]:.2f}, of frame {self.worst}, and the limit {LIMIT}"
        seen = f"{len(self.scores)} of {self.frames} frames of {clip} were looked at"
        verdict = "the clip seems to show sexual content" if self.sexual else "no sexual content was seen"
        return f"{seen}: {verdict} ({highest}). {CAUTION}"

    def require_harmless(self, clip: str) -> None:
        """Raises SensitiveError where the clip called `clip` is taken for sexual."""
        if self.sexual:
            raise SensitiveError(f"Faces are not swapped in sexual content: {self.sentence(clip)}")


def sampled(count: int) -> tuple[int, ...]:
    """Numbers of the frames to look at of `count`: all, or `SAMPLES` from the first to the last, evenly spread."""
    return tuple(dict.fromkeys(np.linspace(0, count - 1, min(count, SAMPLES)).round().astype(int).tolist()))


def checked(frames: Iterable[NDArray[np.uint8]], count: int) -> Task[Finding]:
    """Look at some of the `count` frames (H, W, 3) of a clip: those of `sampled`, which `frames` gives in turn.

    Raises InputError where there are none.
    """
    from figment.trust.open_nsfw import scores  # torch is loaded for clips alone

    if count < 1:
        raise InputError("A clip without frames cannot be checked; copy it again.")
    wanted, found = sampled(count), dict[int, float]()
    for number, frame in zip(wanted, frames, strict=False):
        found[number] = float(scores([frame])[0])
        yield Progress(len(found), len(wanted), "checking for sexual content")
    if len(found) < len(wanted):
        raise InputError(f"The clip was to have {count} frames and has fewer; copy it again.")
    return Finding(found, count)
