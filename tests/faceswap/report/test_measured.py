"""A report of made clips whose numbers are known: a photograph that stands still, and what is done to it."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut
from tests.faceswap.made_faces import POINTS, face

from figment.core.errors import InputError
from figment.core.task import Progress, finish
from figment.faceswap.align import openings
from figment.faceswap.faces import Found
from figment.faceswap.faceset import AlignedFace
from figment.faceswap.models.detectors import blazeface
from figment.faceswap.models.landmarkers import face_mesh
from figment.faceswap.report import Material, Measured, Report, drawn, independent, measured, reconstruction
from figment.faceswap.report.measuring import MOST, looked_at

PHOTO: NDArray[np.uint8] = np.ascontiguousarray(astronaut()[:256, 96:352])
COUNT = 4
MASK = np.full(PHOTO.shape[:2], 255, np.uint8)


@cache
def points() -> NDArray[np.float32]:
    return np.asarray(face_mesh.landmarks(PHOTO, blazeface.detect(PHOTO[None])[0][:1])[0])


@cache
def her() -> NDArray[np.float32]:
    """(1, D): whom the photograph shows."""
    return independent([(face("a.png", landmarks=points()), PHOTO)])


def faces(without: Sequence[int] = (), shots: Sequence[int] = (0,) * COUNT) -> dict[int, AlignedFace]:
    numbers = [number for number in range(COUNT) if number not in without]
    return {
        number: face(f"{number}.png", frame=number, source_landmarks=points(), shot=shots[number]) for number in numbers
    }


def shifted(level: int) -> NDArray[np.uint8]:
    return (PHOTO.clip(20, 235).astype(int) + level).astype(np.uint8)


def report(
    before: list[NDArray[np.uint8]], after: list[NDArray[np.uint8]], found: dict[int, AlignedFace] | None = None
) -> Report:
    material = Material(before, after, COUNT, faces() if found is None else found, lambda _: MASK, her())
    return finish(measured(material))


def test_a_clip_that_nothing_was_done_to_is_like_itself() -> None:
    same = report([PHOTO] * COUNT, [PHOTO] * COUNT)
    assert [one.frame for one in same.faces] == list(range(COUNT))
    assert (same.swapped, same.with_face, same.share_swapped) == (COUNT, COUNT, 1)
    for one in same.faces:
        assert one.to_target == pytest.approx(1, abs=1e-5)
        assert one.to_source == pytest.approx(1, abs=5e-3)
        assert (one.landmarks, one.pose, one.movement) == (0, 0, 0)
    assert same.strip is not None
    assert same.strip.shape[1] == 4 * 162 + 2


def test_points_that_always_lie_elsewhere_are_told_from_those_that_do_not_follow() -> None:
    aside = report([PHOTO] * COUNT, [np.roll(PHOTO, 4, 1)] * COUNT)
    assert all(one.landmarks > 4 for one in aside.faces)
    assert all(one.movement < 0.01 for one in aside.faces)
    still = report([np.roll(PHOTO, number, 1) for number in range(COUNT)], [PHOTO] * COUNT)
    assert still.faces[0].movement > 1
    assert still.faces[-1].movement > 1


def test_how_far_eyes_and_mouth_open_is_told_of_both_clips() -> None:
    closed = PHOTO.copy()
    for eye in (range(36, 42), range(42, 48)):  # skin of the cheek over the eyes
        (x, y), (right, below) = points()[list(eye)].min(0).astype(int) - 3, points()[list(eye)].max(0).astype(int) + 3
        closed[y:below, x:right] = PHOTO[below + 8, x:right].mean(0)
    one = report([PHOTO] * COUNT, [closed] * COUNT).faces[0]
    seen = openings(face_mesh.landmarks(PHOTO, [Found.around(points())])[0])
    assert (one.eyes_before, one.mouth_before) == pytest.approx(seen)
    assert one.eyes < 0.8 * one.eyes_before
    assert one.mouth == pytest.approx(one.mouth_before, abs=0.1)


def test_a_value_that_goes_half_as_far_the_other_way_follows_by_minus_a_half() -> None:
    made = told()
    together, share = made.follows(lambda one: -one.eyes_before / 2, lambda one: one.eyes_before)
    assert (together, share) == pytest.approx((-1, -0.5))
    assert np.isnan(made.follows(lambda one: one.mouth, lambda one: one.mouth_before)).all()  # never opens


def test_flicker_is_told_in_grey_levels_and_as_a_multiple_of_what_was_there() -> None:
    levels = [1, -1, 1, -1]
    flickering = report([shifted(level) for level in levels], [shifted(3 * level) for level in levels])
    inner = flickering.faces[1:-1]
    assert [one.flicker_before for one in inner] == pytest.approx([4, 4], abs=0.05)
    assert [one.flicker for one in inner] == pytest.approx([12, 12], abs=0.05)
    assert flickering.flicker == pytest.approx(3, rel=0.02)
    assert np.isnan([flickering.faces[0].flicker, flickering.faces[-1].flicker]).all()


def test_over_a_cut_and_a_frame_without_a_face_there_is_no_flicker() -> None:
    clip = [shifted(level) for level in (1, -1, 1, -1)]
    for found in (faces(shots=(0, 0, 1, 1)), faces(without=[1])):
        assert np.isnan([one.flicker for one in report(clip, clip, found).faces]).all()


def test_a_picture_that_slides_is_off_by_as_much() -> None:
    slid = np.roll(PHOTO, 6, axis=1)
    eyes = float(np.linalg.norm(points()[42:48].mean(0) - points()[36:42].mean(0)))
    off = report([PHOTO] * COUNT, [slid] * COUNT)
    assert off.mean(lambda one: one.landmarks) == pytest.approx(100 * 6 / eyes, rel=0.1)
    assert off.mean(lambda one: one.pose) < 1


def test_a_face_that_is_wiped_out_is_not_like_her_any_more() -> None:
    x, y = np.floor(points().min(0)).astype(int), np.ceil(points().max(0)).astype(int)
    gone = PHOTO.copy()
    gone[x[1] : y[1], x[0] : y[0]] = np.random.default_rng(0).integers(0, 256, (y[1] - x[1], y[0] - x[0], 3))
    assert report([PHOTO] * COUNT, [gone] * COUNT).mean(lambda one: one.to_target) < 0.6


def test_frames_that_were_left_alone_count_as_not_swapped() -> None:
    masks = [MASK, None, np.zeros_like(MASK), MASK]
    clip = [PHOTO] * COUNT
    half = finish(measured(Material(clip, clip, COUNT, faces(), lambda number: masks[number], her())))
    assert (half.swapped, half.share_swapped, [one.frame for one in half.faces]) == (2, 0.5, [0, 3])
    nobody = finish(measured(Material(clip, clip, COUNT, {}, lambda _: MASK, her())))
    assert (nobody.swapped, nobody.with_face, nobody.faces) == (0, 0, ())
    assert [row.name for row in nobody.rows()] == ["frames swapped"]


@pytest.mark.parametrize(("before", "after"), [(4, 3), (3, 4), (3, 3)])
def test_clips_of_other_lengths_are_refused(before: int, after: int) -> None:
    with pytest.raises(InputError, match=r"as long|have 3 frames, not 4"):
        report([PHOTO] * before, [PHOTO] * after, {})


def test_a_result_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="as large"):
        report([PHOTO] * COUNT, [PHOTO[:100]] * COUNT, {})


def test_of_a_long_clip_stretches_of_three_are_looked_at() -> None:
    assert looked_at(MOST) == frozenset(range(MOST))
    some = looked_at(10_000)
    assert MOST - 3 <= len(some) <= MOST
    assert {0, 1, 2, 9_997, 9_998, 9_999} <= some
    assert all({number - 1, number, number + 1} <= some for number in some if number + 1 in some and number - 1 in some)


def test_held_out_faces_that_come_back_as_they_were_have_an_ssim_of_one() -> None:
    pairs = [(np.roll(PHOTO[100:148, 60:108], number, 0), POINTS * 48) for number in range(3)]
    reports: list[Progress] = []
    assert finish(reconstruction(pairs, lambda some: (some / 255).astype(np.float32)), reports.append) == pytest.approx(
        1
    )
    assert finish(reconstruction(pairs, lambda some: np.zeros(some.shape, np.float32))) < 0.2
    assert reports[-1].step == 3
    assert np.isnan(finish(reconstruction([], lambda some: some.astype(np.float32))))


def told() -> Report:
    likes = [(0.7, 0.2), (0.6, 0.3), (0.2, 0.5), (0.8, 0.1), (0.9, 0.1)]
    made = tuple(
        Measured(n, source, target, 3.0, 2.0, 4.0, 3.0, 6.0, 5.0, 1.5, 0.3 - n / 50, 0.3 - n / 25, 0.1, n / 10)
        for n, (source, target) in enumerate(likes)
    )
    return Report(6, 5, 5, made, 0.91)


def test_the_table_says_what_was_measured() -> None:
    rows = {row.name: row.value for row in told().rows()}
    assert rows == {
        "frames swapped": "5 of 5 (100 %)",
        "likeness to the source": "0.64",
        "likeness to the target": "0.24",
        "more like the source": "80 %",
        "points off": "3.0 % of the eyes' distance",
        "points off, apart from what stays the same": "1.5 % of the eyes' distance",
        "looks elsewhere by": "2.0 degrees",
        "eyes open and close": "50 % as far as before (correlation 1.00)",
        "flicker, times the original": "1.20",
        "seam, colour difference": "4.0 (before 3.0)",
        "SSIM of held-out faces": "0.910",
    }


def test_the_picture_shows_the_strip_above_the_table_and_the_charts() -> None:
    plain = drawn(told())
    assert plain.shape[1] == 960
    strip = np.full((40, 1200, 3), 9, np.uint8)
    shown = drawn(Report(6, 5, 5, told().faces, 0.91, strip))
    assert len(shown) == len(plain) + 32
    assert (shown[:32] == 9).all()
    np.testing.assert_array_equal(shown[32:], plain)
    other = drawn(Report(6, 5, 5, told().faces[:2], 0.91))
    assert (other[-250:] != plain[-250:]).any()
