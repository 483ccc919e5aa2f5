"""Matched histograms."""

import numpy as np
from skimage.exposure import match_histograms

from figment.faceswap.merge.histogram import channels_matched, matched

RNG = np.random.default_rng(0)
VALUES = RNG.beta(2, 5, (6000, 3)).astype(np.float32)
WANTED = RNG.beta(5, 2, (5000, 3)).astype(np.float32)


def test_quantiles_are_those_wanted_to_a_bin() -> None:
    shares = np.linspace(0, 1, 101)
    result = matched(VALUES[:, 0], WANTED[:, 0])
    assert np.abs(np.quantile(result, shares) - np.quantile(WANTED[:, 0], shares)).max() < 1 / 64
    assert (np.diff(result[np.argsort(VALUES[:, 0])]) >= 0).all(), "the order of values stays"


def test_channels_are_matched_as_skimage_does() -> None:
    wanted = match_histograms(VALUES, WANTED, channel_axis=1)
    assert np.abs(channels_matched(VALUES, WANTED, 1) - wanted).mean() < 2e-3


def test_highlights_have_no_say() -> None:
    with_lights = np.concatenate([WANTED * 0.5, np.ones((2000, 3), np.float32)])
    result = channels_matched(VALUES * 0.5, with_lights, 0.9)
    assert np.abs(result - channels_matched(VALUES * 0.5, WANTED * 0.5, 0.9)).max() < 1e-6
    assert channels_matched(VALUES * 0.5, with_lights, 1).mean() > result.mean() + 0.05


def test_highlights_of_the_source_move_along() -> None:
    values = np.concatenate([VALUES * 0.5, np.full((10, 3), 0.95, np.float32)])
    result = channels_matched(values, WANTED * 0.25, 0.9)
    assert np.allclose(result[-10:] - result[:-10].max(0), 0.95 - values[:-10].max(0), atol=1e-6)


def test_equal_values_stay_as_they_are() -> None:
    assert np.array_equal(matched(VALUES[:1, 0], VALUES[:1, 0]), VALUES[:1, 0])
