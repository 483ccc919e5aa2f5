"""Loss curves: what is drawn where, and the numbers on the axes."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from figment.pixels import ticks
from figment.pixels.curve import line_chart, smooth

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def rows_of(chart: NDArray[np.uint8], color: tuple[int, int, int], columns: slice) -> NDArray[np.intp]:
    """Rows in which `color` is seen below the legend."""
    rows = np.nonzero((chart[:, columns] == color).all(axis=-1))[0]
    return rows[rows > 60]


def test_falling_series_falls() -> None:
    chart = line_chart({"loss": [(step, 100 - step) for step in range(100)]}, 480, 320)
    assert chart.shape == (320, 480, 3)
    assert chart.dtype == np.uint8
    early, late = rows_of(chart, BLUE, slice(80, 120)), rows_of(chart, BLUE, slice(400, 440))
    assert early.max() < late.min()


def test_series_have_their_own_colours_and_order() -> None:
    chart = line_chart({"low": [(0, 1), (9, 1)], "high": [(0, 2), (9, 2)]}, 480, 320)
    everywhere = slice(70, 450)
    assert rows_of(chart, BLUE, everywhere).min() > rows_of(chart, ORANGE, everywhere).max()


def test_logarithmic_axis_makes_decay_straight() -> None:
    points = [(step, 10.0 ** -(step / 25)) for step in range(101)]
    chart = line_chart({"loss": points}, 480, 320, log_y=True)
    left, middle, right = (rows_of(chart, BLUE, slice(x, x + 4)).mean() for x in (120, 260, 400))
    assert middle == pytest.approx((left + right) / 2, abs=2)


@pytest.mark.parametrize("log_y", [False, True])
def test_what_cannot_be_drawn_is_left_out(log_y: bool) -> None:
    good = [(0.0, 3.0), (1.0, 2.0), (4.0, 1.0)]
    bad = [(2.0, math.nan), (3.0, math.inf), *([(3.5, 0.0), (3.6, -1.0)] if log_y else [])]
    with_bad = line_chart({"loss": [*good[:2], *bad, good[2]]}, 480, 320, log_y=log_y)
    np.testing.assert_array_equal(with_bad, line_chart({"loss": good}, 480, 320, log_y=log_y))


@pytest.mark.parametrize("points", [[], [(5.0, 2.0)], [(1.0, 0.0), (2.0, 0.0)], [(1.0, -4.0), (2.0, -4.0)]])
def test_empty_and_flat_series_are_drawn(points: list[tuple[float, float]]) -> None:
    chart = line_chart({"loss": points}, 480, 320)
    assert bool(rows_of(chart, BLUE, slice(None)).size) == bool(points)


def test_more_series_than_room_or_colours() -> None:
    chart = line_chart({f"series number {n}": [(0, n), (1, n)] for n in range(20)}, 480, 320, "시험")
    assert (chart[:, -20:] == 255).all()


def test_smoothing_keeps_a_level_and_the_middle_of_a_slope() -> None:
    assert smooth([]) == []
    assert smooth([2.0] * 300) == pytest.approx([2.0] * 300)
    slope = [float(step) for step in range(1001)]
    assert smooth(slope)[500] == pytest.approx(500, abs=1)


def test_smoothing_quiets_noise() -> None:
    noise = np.random.default_rng(0).normal(size=2000)
    assert np.std(smooth(noise.tolist())) < 0.25


@example(low=1.0, width=400000001.0, about=2)
@given(low=st.floats(-1e9, 1e9), width=st.floats(1e-3, 1e9), about=st.integers(2, 12))
def test_linear_ticks_are_within_and_even(low: float, width: float, about: int) -> None:
    high = low + width
    marks = ticks.linear(low, high, about)
    assert 1 <= len(marks) <= about + 1
    slack = 1e-6 * (abs(low) + width)
    assert all(low - slack <= mark <= high + slack for mark in marks)
    np.testing.assert_allclose(np.diff(marks), marks[1] - marks[0] if len(marks) > 1 else 0, rtol=1e-3, atol=slack)


def test_ticks_are_round() -> None:
    assert ticks.linear(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks.logarithmic(0.3, 4) == pytest.approx([0.5, 1, 2])
    assert ticks.logarithmic(0.003, 20) == pytest.approx([0.01, 0.1, 1, 10])
    assert ticks.logarithmic(1e-5, 10) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.05, "0.05"), (1500, "1.5k"), (-20_000, "-20k"), (2e6, "2M"), (1e-6, "1e-06"), (0.1 + 0.2, "0.3")],
)
def test_labels_are_short(value: float, text: str) -> None:
    assert ticks.label(value) == text
