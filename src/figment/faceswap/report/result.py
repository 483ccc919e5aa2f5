"""What a report says: each frame that was looked at, and what comes of them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Measured", "Report", "Row", "following"]

UNKNOWN = "unknown"
"""Value of a row that cannot be said; it is left out."""


@dataclass(frozen=True)
class Measured:
    """The face of one frame; NaN where something cannot be said of it."""

    frame: int
    """Number in the clip, from 0."""
    to_source: float
    """Cosine of the result's face to the middle of the source's, by the embedder that had no part in the swap."""
    to_target: float
    """The same to the middle of the target's."""
    landmarks: float
    """How far its points are from those before the swap on average, in per cent of the distance of the eyes."""
    pose: float
    """How far it looks elsewhere than before the swap, in degrees."""
    seam: float
    """CIEDE2000 across the edge of the mask."""
    seam_before: float
    """The same at the same place before the swap."""
    flicker: float = float("nan")
    """Grey levels that go back and forth between this frame and its neighbours, within the mask."""
    flicker_before: float = float("nan")
    """The same before the swap."""
    movement: float = float("nan")
    """How far its points are off from where they are off on average over the clip: another person's eyes and mouth lie
    elsewhere all the time, and what is left is what does not follow."""
    eyes: float = float("nan")
    """How far they are open, by their width."""
    eyes_before: float = float("nan")
    """The same before the swap."""
    mouth: float = float("nan")
    """How far it is open, by the width of an eye."""
    mouth_before: float = float("nan")
    """The same before the swap."""


class Row(NamedTuple):
    """One line of the table."""

    name: str
    value: str
    wanted: str
    """What a good swap reaches; empty where there is no such number."""


@dataclass(frozen=True)
class Report:
    """What is to be said of a swapped clip."""

    frames: int
    """Of the clip."""
    with_face: int
    """Frames of it in which the target's face was found."""
    swapped: int
    """Frames in which it was replaced."""
    faces: tuple[Measured, ...]
    """Those that were looked at, by their frames."""
    reconstruction: float = float("nan")
    """SSIM within the face of held-out faces of the source that the network drew again; NaN where it was not asked."""
    strip: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    """Some frames, before the swap above and after it below."""

    @property
    def share_swapped(self) -> float:
        """Of the frames with the target's face."""
        return self.swapped / self.with_face if self.with_face else float("nan")

    @property
    def nearer(self) -> float:
        """Share of the frames in which the face is more like the source's than like the target's."""
        return self.mean(lambda face: float(face.to_source > face.to_target))

    @property
    def flicker(self) -> float:
        """How many times as much as before the swap."""
        before = self.mean(lambda face: face.flicker_before)
        return self.mean(lambda face: face.flicker) / before if before else float("nan")

    def follows(self, made: Callable[[Measured], float], before: Callable[[Measured], float]) -> tuple[float, float]:
        """See `following`."""
        return following([made(face) for face in self.faces], [before(face) for face in self.faces])

    def mean(self, value: Callable[[Measured], float]) -> float:
        """Of all faces that it can be said of; NaN for none."""
        said = [value(face) for face in self.faces]
        known = [one for one in said if not np.isnan(one)]
        return sum(known) / len(known) if known else float("nan")

    def rows(self) -> list[Row]:
        """The table."""
        source, target = self.mean(lambda face: face.to_source), self.mean(lambda face: face.to_target)
        seam, before = self.mean(lambda face: face.seam), self.mean(lambda face: face.seam_before)
        eyes = self._following(lambda face: face.eyes, lambda face: face.eyes_before)
        mouth = self._following(lambda face: face.mouth, lambda face: face.mouth_before)
        rows = [
            Row("frames swapped", f"{self.swapped} of {self.with_face} ({_per_cent(self.share_swapped)})", "100 %"),
            Row("likeness to the source", _number(source, 2), ""),
            Row("likeness to the target", _number(target, 2), ""),
            Row("more like the source", _per_cent(self.nearer), "80 % or more"),
            Row(
                "points off", f"{_number(self.mean(lambda face: face.landmarks), 1)} % of the eyes' distance", "under 5"
            ),
            Row(
                "points off, apart from what stays the same",
                f"{_number(self.mean(lambda face: face.movement), 1)} % of the eyes' distance",
                "",
            ),
            Row("looks elsewhere by", f"{_number(self.mean(lambda face: face.pose), 1)} degrees", ""),
            Row("eyes open and close", f"{eyes[1]} % as far as before (correlation {eyes[0]})", ""),
            Row("mouth opens and closes", f"{mouth[1]} % as far as before (correlation {mouth[0]})", ""),
            Row("flicker, times the original", _number(self.flicker, 2), "1.2 or less"),
            Row("seam, colour difference", f"{_number(seam, 1)} (before {_number(before, 1)})", ""),
            Row("SSIM of held-out faces", _number(self.reconstruction, 3), ""),
        ]
        return [row for row in rows if not row.value.startswith(UNKNOWN)]

    def _following(self, made: Callable[[Measured], float], before: Callable[[Measured], float]) -> tuple[str, str]:
        together, share = self.follows(made, before)
        return _number(together, 2), _number(100 * share, 0)


def following(made: Sequence[float], before: Sequence[float]) -> tuple[float, float]:
    """Correlation of what a value is and was, and how far it goes as a share of how far it went.

    NaN for less than three faces that both can be said of, and where it stays as it is.
    """
    pairs = np.array([made, before], np.float64)
    is_now, was = pairs[:, ~np.isnan(pairs).any(0)]
    if len(was) < 3 or np.std(was) == 0 or np.std(is_now) == 0:
        return float("nan"), float("nan")
    together = float(np.corrcoef(is_now, was)[0, 1])
    return together, together * float(np.std(is_now) / np.std(was))


def _number(value: float, digits: int) -> str:
    return UNKNOWN if np.isnan(value) else f"{value:.{digits}f}"


def _per_cent(share: float) -> str:
    return UNKNOWN if np.isnan(share) else f"{100 * share:.0f} %"
