"""People: tracks of one person's face brought together over a whole clip, by what an embedder says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.tracks import Seen

__all__ = ["PASSING", "Person", "grouped"]

PASSING = 3
"""Frames up to which somebody only passes by."""


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who is seen in a clip."""

    tracks: tuple[int, ...]
    """Numbers of the tracks of the face."""
    frames: int
    """How many frames it is seen in."""
    middle: NDArray[np.float32]
    """(D,) of length 1: the mean of the embeddings."""

    @property
    def passes(self) -> bool:
        """Whether it is seen too briefly to be learnt."""
        return self.frames <= PASSING


def grouped(faces: Sequence[Seen], tracks: Sequence[Sequence[int]], same: float) -> list[Person]:
    """Who is seen in `tracks` of `faces`, of at least one: those seen longest first.

    Groups of tracks are joined, the most alike first, as long as the cosine of their means is `same` or more; two that
    show in one frame are two people.
    """
    groups = [[number] for number in range(len(tracks))]
    frames = [{faces[face].frame for face in track} for track in tracks]
    alive = list(range(len(groups)))
    sums = np.stack([_sum(faces, track) for track in tracks])
    while len(alive) > 1:
        means = sums[alive] / np.maximum(np.linalg.norm(sums[alive], axis=1, keepdims=True), 1e-9)
        likeness = means @ means.T
        apart = np.array([[bool(frames[one] & frames[other]) for other in alive] for one in alive])
        likeness[apart] = -1
        np.fill_diagonal(likeness, -1)
        one, other = np.unravel_index(int(likeness.argmax()), likeness.shape)
        if likeness[one, other] < same:
            break
        keep, gone = sorted((alive[one], alive[other]))
        groups[keep] += groups[gone]
        sums[keep] += sums[gone]
        frames[keep] |= frames[gone]
        alive.remove(gone)
    people = [_person(groups[number], len(frames[number]), sums[number]) for number in alive]
    return sorted(people, key=lambda person: (-person.frames, person.tracks))


def _sum(faces: Sequence[Seen], track: Sequence[int]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.stack([faces[face].embedding for face in track]).astype(np.float64).sum(0)
    return total


def _person(tracks: list[int], frames: int, total: NDArray[np.float64]) -> Person:
    middle = (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
    return Person(tuple(sorted(tracks)), frames, middle)
