"""People: tracks of one face brought together, on made directions."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from figment.faceswap.people import PASSING, grouped
from figment.faceswap.tracks import Seen

SAME = 0.92


def faces(who: int, frames: range, seed: int = 0) -> list[Seen]:
    """Faces of person number `who`, close to one of four directions that are at right angles."""
    noise = np.random.default_rng(100 * who + seed).normal(0, 0.02, (len(frames), 64))
    around = np.eye(64)[who] + noise
    unit: NDArray[np.float32] = (around / np.linalg.norm(around, axis=1, keepdims=True)).astype(np.float32)
    return [Seen(frame, who, np.zeros(4, np.float32), one) for frame, one in zip(frames, unit, strict=True)]


def tracks_of(parts: list[list[Seen]]) -> tuple[list[Seen], list[list[int]]]:
    ends = np.cumsum([0, *map(len, parts)])
    return [face for part in parts for face in part], [list(range(*pair)) for pair in pairwise(ends.tolist())]


def test_tracks_of_one_person_are_one_and_those_seen_longest_come_first() -> None:
    all_faces, tracks = tracks_of(
        [faces(0, range(10)), faces(1, range(10, 40)), faces(0, range(40, 50)), faces(2, range(50, 55))]
    )
    people = grouped(all_faces, tracks, SAME)
    assert [person.tracks for person in people] == [(1,), (0, 2), (3,)]
    assert [person.frames for person in people] == [30, 20, 5]
    assert people[1].middle @ np.eye(64, dtype=np.float32)[0] > 0.99


def test_two_in_one_frame_are_two_people_however_alike() -> None:
    all_faces, tracks = tracks_of([faces(0, range(10)), faces(0, range(9, 20), 1)])
    assert len(grouped(all_faces, tracks, SAME)) == 2
    apart, tracks = tracks_of([faces(0, range(10)), faces(0, range(10, 20), 1)])
    assert len(grouped(apart, tracks, SAME)) == 1


@pytest.mark.parametrize(("count", "passes"), [(PASSING, True), (PASSING + 1, False)])
def test_who_is_seen_briefly_passes_by(count: int, passes: bool) -> None:
    (person,) = grouped(*tracks_of([faces(0, range(count))]), SAME)
    assert person.passes is passes
