"""Tracks: faces followed by where they are and how they look, within shots."""

import numpy as np
import pytest

from figment.faceswap.tracks import GAP, Seen, follow, overlap

ANNA, BERT = np.eye(2, dtype=np.float32)


def seen(frame: int, left: float, who: np.ndarray[tuple[int], np.dtype[np.float32]] = ANNA, index: int = 0) -> Seen:
    """A face 100 pixels wide."""
    return Seen(frame, index, np.array([left, 0, left + 100, 100], np.float32), who)


def test_overlap_is_common_area_over_all() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    assert overlap(box, box) == pytest.approx(1)
    right = np.array([1, 0, 1, 0], np.float32)
    assert overlap(box, box + 5 * right) == pytest.approx(50 / 150)
    assert overlap(box, box + 10 * right) == 0
    assert overlap(box, box + 20) == 0


def test_a_face_is_followed_until_a_cut() -> None:
    faces = [seen(frame, 5 * frame) for frame in range(6)]
    assert follow(faces, [0]) == [[0, 1, 2, 3, 4, 5]]
    assert follow(faces, [0, 4]) == [[0, 1, 2, 3], [4, 5]]


def test_a_cut_in_a_gap_ends_a_track() -> None:
    assert follow([seen(0, 0), seen(3, 0)], [0, 2]) == [[0], [1]]


def test_a_face_may_be_missed_for_some_frames_but_not_for_long() -> None:
    assert follow([seen(0, 0), seen(GAP + 1, 0)], [0]) == [[0, 1]]
    assert follow([seen(0, 0), seen(GAP + 2, 0)], [0]) == [[0], [1]]


def test_a_face_elsewhere_is_another() -> None:
    assert follow([seen(0, 0), seen(1, 90)], [0]) == [[0], [1]]


def test_two_who_cross_are_told_apart_by_their_looks() -> None:
    lefts = [(0, 60), (15, 45), (30, 30), (45, 15), (60, 0)]
    faces = []
    for frame, (anna, bert) in enumerate(lefts):
        pair = [(anna, ANNA), (bert, BERT)]
        pair = pair if frame % 2 else pair[::-1]  # the detector keeps no order
        faces += [seen(frame, left, who, index) for index, (left, who) in enumerate(pair)]
    for track in follow(faces, [0]):
        assert len({faces[face].embedding.tobytes() for face in track}) == 1
        assert len(track) == len(lefts)


def test_of_no_faces_there_is_no_track() -> None:
    assert follow([], [0]) == []
