"""Lids of a drawn face closed as far as those of the covered face."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tests.faceswap.made_faces import POINTS

from figment.faceswap.align import EYES, eye_opening
from figment.faceswap.merge.lids import Gaps, closed
from figment.faceswap.merge.warp import Pixels, displaced

SIDE = 96
EYE = slice(36, 48)


def face(gap: float, tilt: float = 0.0) -> NDArray[np.floating]:
    """(68, 2) in pixels of a face whose lids are apart by `gap`, turned by `tilt` degrees."""
    points = POINTS.astype(np.float64)
    points[EYE, 1] = 0.36 + (points[EYE, 1] - 0.36) * gap / eye_opening(points[EYES[0]])
    around = np.radians(tilt)
    turn = np.array([[np.cos(around), -np.sin(around)], [np.sin(around), np.cos(around)]])
    result: NDArray[np.floating] = ((points - 0.5) @ turn.T + 0.5) * SIDE
    return result


def clip(*gaps: float) -> Gaps:
    """The person of a clip of a hundred faces, whose lids are 0.3 apart but in faces with `gaps`."""
    return Gaps.of(np.stack([face(gap) for gap in (*gaps, *[0.3] * (100 - len(gaps)))]))


def drawn(points: NDArray[np.floating]) -> Pixels:
    """(S, S): a face of 0.5 with white eyes."""
    picture = Image.new("L", (SIDE * 8, SIDE * 8), 128)
    for eye in EYES:
        ImageDraw.Draw(picture).polygon([(float(8 * x + 4), float(8 * y + 4)) for x, y in points[eye]], fill=255)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / np.float32(255)


def white(picture: Pixels) -> float:
    """How much of the eyes is seen, in pixels."""
    return float((picture - 0.502).clip(0).sum() / 0.498)


@pytest.mark.parametrize("tilt", [0.0, 15.0])
@pytest.mark.parametrize("meeting", [0.08, 0.2])
def test_lids_meet_where_those_of_the_covered_face_do(meeting: float, tilt: float) -> None:
    """Whatever they are told to be apart then, as behind glasses."""
    gaps, seen = clip(meeting, meeting), face(0.3, tilt)
    shown = displaced(drawn(seen), closed(face(meeting, tilt), seen, gaps, SIDE))
    assert white(shown) < 0.12 * white(drawn(seen))
    low = slice(int(0.55 * SIDE), None)
    assert np.array_equal(shown[low], drawn(seen)[low]) or tilt


def test_lids_come_nearer_by_and_by() -> None:
    gaps, seen = clip(0.1, 0.1), face(0.3)
    left = [
        white(displaced(drawn(seen), closed(face(gap), seen, gaps, SIDE))) / white(drawn(seen))
        for gap in (0.3, 0.28, 0.26, 0.24, 0.2, 0.15, 0.1)
    ]
    assert left[:2] == [1, 1]
    assert np.all(np.diff(left[1:]) < 0)
    assert np.abs(np.diff(left)).max() < 0.4
    assert left[4] == pytest.approx(0.6, abs=0.12)


def test_one_eye_winks() -> None:
    gaps, seen = clip(0.1, 0.1), face(0.3)
    winking = seen.copy()
    winking[EYES[0]] = face(0.1)[EYES[0]]
    shown, half = displaced(drawn(seen), closed(winking, seen, gaps, SIDE)), SIDE // 2
    assert white(shown[:, :half]) < 0.12 * white(drawn(seen)[:, :half])
    assert np.array_equal(shown[:, half:], drawn(seen)[:, half:])


def test_eyes_that_are_drawn_closed_stay_closed() -> None:
    gaps = clip(0.1, 0.1)
    assert white(displaced(drawn(face(0.1)), closed(face(0.1), face(0.1), gaps, SIDE))) <= white(drawn(face(0.1)))


def test_open_eyes_are_left_alone() -> None:
    gaps = clip(0.1, 0.1)
    for covered in (face(0.3), face(0.4)):
        assert gaps.closing(covered) == (0, 0)
        assert not closed(covered, face(0.2), gaps, SIDE).any()


def test_who_never_closes_the_eyes_is_not_taken_to() -> None:
    """The narrowest eyes of a clip are closed ones only where they are much narrower than usual."""
    gaps, seen = clip(0.25, 0.25), face(0.3)
    assert gaps.meeting == (0.1, 0.1)
    shown = displaced(drawn(seen), closed(face(0.25), seen, gaps, SIDE))
    assert white(shown) > 0.6 * white(drawn(seen))


def test_points_without_an_extent_move_nothing_far() -> None:
    gaps = Gaps.of(np.zeros((3, 68, 2)))
    assert gaps.closing(np.zeros((68, 2))) == (0, 0)
    wild = closed(face(0.1), face(0.3) * 40, clip(0.1, 0.1), SIDE)
    assert np.isfinite(wild).all()
    assert np.abs(wild).max() < 0.2 * SIDE
