"""Drawn faces moved to where the covered face has its features."""

from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.faceswap.made_clip import COUNT, faces, frame, frames, merging, negative
from tests.faceswap.made_faces import POINTS

from figment.core.task import finish
from figment.faceswap.affine import moved
from figment.faceswap.align import FaceType, matrix
from figment.faceswap.merge import Colour, MergeSettings, Mode, Swapped
from figment.faceswap.merge.drawing import GROUP, Swapper, swapped
from figment.faceswap.merge.fit import FRAMES, MOST, Fit, field, fitted
from figment.faceswap.merge.footage import Footage
from figment.faceswap.merge.warp import Pixels

SIDE = 64
COVERED = (0.2 + 0.6 * POINTS) * SIDE
OFF = 2
"""Pixels that the made swap below draws too far to the right."""


def bent(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """A smooth movement, of two pixels at most."""
    return np.stack([2 * np.sin(points[..., 1] / 20), -1.5 * np.cos(points[..., 0] / 25)], -1)


def aside(size: int = 32) -> Swapper:
    """Draws each face as it is, but `OFF` pixels to the right, and knows that it does."""
    base = negative(size)

    def swap(squares: NDArray[np.uint8]) -> tuple[Pixels, Pixels, Pixels]:
        _, predicted, target = base.swap(squares)
        return np.roll(squares, OFF, 2).astype(np.float32) / np.float32(255), predicted, target

    return replace(base, swap=swap, points=lambda _, near: near + np.array([OFF, 0], np.float32))


def error(folder: Path, swapper: Swapper, settings: MergeSettings) -> float:
    """How many levels a merge is from the clip, on the mean over the faces."""
    work = merging(folder, swapper)
    work.session.keep((settings,) * COUNT)
    finish(work.run())
    pairs = zip(work.frames(), work.masks(), range(COUNT), strict=True)
    return float(
        np.mean([np.abs(made.astype(int) - frame(n))[mask > 0].mean() for made, mask, n in pairs if mask.any()])
    )


def test_the_field_leads_from_each_point_to_where_it_was_drawn() -> None:
    crowd = COVERED + np.random.default_rng(0).normal(0, 1, (5, 1, 2))
    found = field(crowd + bent(COVERED), crowd, SIDE)
    x, y = np.median(crowd, axis=0).round().astype(int).T
    left = np.linalg.norm(found[y, x] - bent(COVERED), axis=1).mean()
    assert left < 0.25 * np.linalg.norm(bent(COVERED), axis=1).mean()
    assert np.abs(found[[0, 0, -1, -1], [0, -1, 0, -1]]).max() < 0.4


def test_one_face_that_is_found_wrongly_has_no_say() -> None:
    right = np.repeat(COVERED[None], 5, 0)
    wrong = right + bent(right)
    wrong[2] += 30
    assert np.allclose(field(wrong, right, SIDE), field((right + bent(right))[:1], right[:1], SIDE), atol=1e-4)


def test_points_are_never_moved_far() -> None:
    assert np.abs(field(COVERED[None] + 40, COVERED[None], SIDE)).max() < 1.3 * MOST * SIDE


def test_a_fitted_face_has_its_features_where_they_belong() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    drawn = COVERED + bent(COVERED)
    nose = drawn[33]
    spot = np.exp(-((x - nose[0]) ** 2 + (y - nose[1]) ** 2) / 18).astype(np.float32)
    face = Swapped(np.eye(2, 3, dtype=np.float32), COVERED, np.repeat(spot[..., None], 3, 2), spot, spot)
    there = field(drawn[None], COVERED[None], SIDE)

    def place(shown: Pixels) -> NDArray[np.floating]:
        return np.array([(shown * x).sum() / shown.sum(), (shown * y).sum() / shown.sum()])

    whole, half = fitted(face, there, 100), fitted(face, there, 50)
    before, after = (np.linalg.norm(place(one) - COVERED[33]) for one in (spot, whole.predicted))
    assert after < 0.35 * before
    assert np.linalg.norm(place(whole.rgb[..., 1]) - COVERED[33]) < 0.35 * before
    assert np.linalg.norm(place(half.predicted) - (COVERED[33] + nose) / 2) < 0.35 * before
    assert np.array_equal(whole.target, spot)


def test_a_merge_takes_back_what_is_off_all_over_the_clip(tmp_path: Path) -> None:
    plain = MergeSettings(colour=Colour.NONE)
    off = error(tmp_path / "off", aside(), replace(plain, fit=0))
    assert error(tmp_path / "on", aside(), plain) < 0.5 * off
    assert error(tmp_path / "unknown", replace(aside(), points=None), plain) == off


def test_lids_are_looked_at_where_the_covered_face_closes_them() -> None:
    there = faces()
    for place in (5, 6):
        points = there[place].source_landmarks.copy()
        points[[37, 38, 43, 44], 1] = points[[41, 40, 47, 46], 1] - 0.2
        there[place] = replace(there[place], source_landmarks=points)
    asked: list[Pixels] = []

    def points_of(drawn: NDArray[np.uint8], near: Pixels) -> NDArray[np.float32]:
        asked.append(near)
        return moved(there[0].source_landmarks, matrix(there[0].source_landmarks, 32, FaceType.FULL)).astype(np.float32)

    base = negative()
    fit = Fit(Footage(frames, COUNT, there), replace(base, points=points_of))
    smooth = fit.field()
    opened, closed = (swapped([frame(there[n].frame)], [[there[n]]], base)[0] for n in (0, 5))
    asked.clear()
    assert np.array_equal(fit.of(opened, 100).rgb, fitted(opened, smooth, 100).rgb)
    assert not asked
    off = np.abs(fit.of(closed, 100).rgb - fitted(closed, smooth, 100).rgb).max(-1)
    assert len(asked) == 1
    assert off[8:16].max() > 0.05  # rows of the eyes
    assert off[20:].max() == 0
    assert not np.abs(fit.of(closed, 0).rgb - closed.rgb).max()


def test_what_was_drawn_is_shown_as_it_was_drawn(tmp_path: Path) -> None:
    raw = MergeSettings(mode=Mode.RAW_PREDICT)
    assert error(tmp_path / "a", aside(), raw) == error(tmp_path / "b", aside(), replace(raw, fit=0))


def test_a_frame_is_the_same_by_itself_and_made_again_with_another_fit(tmp_path: Path) -> None:
    together, single = merging(tmp_path / "a", aside()), merging(tmp_path / "b", aside())
    made = finish(together.run())
    assert np.array_equal(single.frame(9).frame, together.session.load(9).frame)
    together.session.keep((MergeSettings(fit=40),) * COUNT)
    assert finish(together.run()) == made
    assert finish(together.run()) == 0


def test_frames_of_one_face_are_looked_at_spread_over_the_clip() -> None:
    opened: list[int] = []

    def long(first: int, *, only: Container[int] | None = None) -> Iterator[NDArray[np.uint8]]:
        opened.append(first)
        return (frame(number % COUNT) for number in range(first, 2000) if only is None or number in only)

    points = faces()[0].source_landmarks
    there = [replace(faces()[0], name=f"{number}.jpg", frame=number) for number in range(0, 2000, 7)]
    there += [replace(there[0], name="two.jpg", index=1)]
    fit = Fit(Footage(long, 2000, there), aside())
    assert len(fit.numbers) == FRAMES
    assert fit.numbers[0] == 7
    assert fit.numbers[-1] == there[-2].frame
    place = matrix(points, 32, aside().face_type)
    x, y = moved(points, place)[30].round().astype(int)
    assert fit.field()[y, x] == pytest.approx([OFF, 0], abs=0.5)
    assert opened == [0, *fit.numbers[1:]]


def test_threads_measure_what_one_does() -> None:
    alone, together = (Fit(Footage(frames, COUNT, faces()), aside()) for _ in range(2))
    assert len(alone.numbers) > GROUP
    with ThreadPoolExecutor(2) as pool:
        assert np.array_equal(together.field(pool.map), alone.field())


def test_without_faces_or_a_finder_of_points_there_is_nothing_to_fit() -> None:
    assert not Fit(Footage(frames, COUNT, ()), aside()).possible
    assert not Fit(Footage(frames, COUNT, faces()), negative()).possible
