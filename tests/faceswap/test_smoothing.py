"""Smoothing: exact for what it must keep, without lag, and many times calmer."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.faceswap.made_faces import POINTS

from figment.faceswap.align import openings
from figment.faceswap.smoothing import smoothed

FRAMES = 60


def moving(swing: float = 0.0) -> NDArray[np.float32]:
    """(60, 68, 2): a face of 100 pixels that goes its way at 2 pixels a frame, and swings by `swing` pixels."""
    time = np.arange(FRAMES)
    x = 100 + 2 * time
    y = 80 + swing * np.sin(2 * np.pi * time / 30)
    return (POINTS * 100 + np.stack([x, y], 1)[:, None]).astype(np.float32)


def jitter(points: NDArray[np.float32]) -> float:
    """Root mean square of the second difference."""
    return float(np.sqrt((np.diff(points.astype(np.float64), 2, axis=0) ** 2).mean()))


def shaken(points: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    return (points + np.random.default_rng(seed).normal(0, 1, points.shape)).astype(np.float32)


def test_even_motion_stays_as_it_is() -> None:
    np.testing.assert_allclose(smoothed(moving()), moving(), atol=2e-3)


def test_noise_shakes_at_most_a_fifth_and_points_come_nearer_to_the_truth() -> None:
    truth = moving(10)
    calm = smoothed(shaken(truth))
    assert jitter(calm) < jitter(shaken(truth)) / 5
    assert np.abs(calm - truth).mean() < 0.5 * np.abs(shaken(truth) - truth).mean()


def test_nothing_comes_late() -> None:
    """The lag at which the smoothed swing is most like the true one is none."""
    truth = moving(10)[:, 30, 1].astype(np.float64)
    calm = smoothed(shaken(moving(10), 1))[:, 30, 1].astype(np.float64)
    middle = slice(10, 50)
    far = {lag: np.abs(np.roll(truth, lag)[middle] - calm[middle]).mean() for lag in range(-3, 4)}
    assert min(far, key=lambda lag: far[lag]) == 0


def test_time_may_run_backwards() -> None:
    points = shaken(moving(10))
    np.testing.assert_allclose(smoothed(points[::-1])[::-1], smoothed(points), atol=2e-3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_frames_are_left_alone(count: int) -> None:
    points = shaken(moving())[:count]
    np.testing.assert_array_equal(smoothed(points), points)


@pytest.mark.parametrize("count", [3, 4, 8, 9, 10])
def test_short_tracks_are_smoothed_too(count: int) -> None:
    points = shaken(moving())[:count]
    assert smoothed(points).shape == points.shape
    assert jitter(smoothed(points)) < jitter(points)


def test_a_blink_stays_as_short_as_it_is() -> None:
    """Eyes that close in one frame for four are closed in those four and open before and after."""
    truth = moving(10)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        truth[28:32, upper, 1] = truth[28:32, lower, 1]
    shaken = (truth + np.random.default_rng(0).normal(0, 0.3, truth.shape)).astype(np.float32)
    seen, wanted = (np.array([openings(points).eyes for points in each]) for each in (smoothed(shaken), truth))
    assert np.abs(seen - wanted).max() < 0.2 * (wanted.max() - wanted.min())
    before = slice(20)
    assert jitter((smoothed(shaken) - truth)[before]) < jitter((shaken - truth)[before]) / 5
