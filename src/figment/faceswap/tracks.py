"""Tracks: a face followed from frame to frame within a shot."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

__all__ = ["Seen", "follow"]

GAP = 5
"""Frames in which a face that is followed may be missed."""
OVERLAP = 0.2
"""Least share of common area with where the face was last; a face that moved farther is another, or seen anew."""
ALIKE = 0.5
"""Weight of the likeness of two faces beside their overlap."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A face that was found in a frame."""

    frame: int
    index: int
    """Of the faces in the frame."""
    box: NDArray[np.float32]
    """(4,): left, top, right, bottom of its landmarks."""
    embedding: NDArray[np.float32]
    """(D,) of length 1."""


@dataclass(eq=False)
class _Track:
    faces: list[int] = field(default_factory=list)
    last: Seen | None = None


def follow(faces: Sequence[Seen], cuts: Sequence[int]) -> list[list[int]]:
    """Tracks of `faces`, which stand in the order of their frames, as their numbers; none goes on over one of `cuts`.

    Frame by frame, faces are given to the tracks that lead there so that overlap and likeness are most in all.
    """
    tracks: list[_Track] = []
    live: list[_Track] = []
    start = set(cuts)
    numbers: dict[int, list[int]] = {}
    for number, face in enumerate(faces):
        numbers.setdefault(face.frame, []).append(number)
    reached = -1
    for frame, here in numbers.items():
        if any(cut in start for cut in range(reached + 1, frame + 1)):
            live = []
        reached = frame
        live = [track for track in live if track.last is not None and frame - track.last.frame <= GAP + 1]
        for number, track in zip(here, _chosen([faces[number] for number in here], live), strict=True):
            if track is None:
                track = _Track()
                tracks.append(track)
                live.append(track)
            track.faces.append(number)
            track.last = faces[number]
    return [track.faces for track in tracks]


def _chosen(here: Sequence[Seen], live: Sequence[_Track]) -> list[_Track | None]:
    """The track of each face, None for one that begins another."""
    found: list[_Track | None] = [None] * len(here)
    if not live:
        return found
    gains = np.zeros((len(here), len(live)))
    for row, face in enumerate(here):
        for column, track in enumerate(live):
            assert track.last is not None
            common = overlap(face.box, track.last.box)
            if common >= OVERLAP:
                gains[row, column] = common + ALIKE * float(face.embedding @ track.last.embedding)
    for row, column in zip(*linear_sum_assignment(-gains), strict=True):
        if gains[row, column] > 0:
            found[row] = live[column]
    return found


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Common area of two boxes over that of both together, 0 to 1."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    areas = sum(float(np.prod(box[2:] - box[:2])) for box in (one, other))
    return common / max(areas - common, 1e-9)
