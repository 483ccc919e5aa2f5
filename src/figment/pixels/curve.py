"""Loss curves drawn with Pillow: each series pale as it was measured, with its smoothed course on top."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from figment.pixels import ticks
from figment.pixels.fonts import font_for

__all__ = ["line_chart", "smooth"]

Point = tuple[float, float]
Color = tuple[int, int, int]

# Okabe & Ito 2008: told apart by people with any colour vision. Yellow is left out, it is lost on white.
_COLORS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0), (90, 90, 90))
_INK, _QUIET, _LINE = (45, 45, 50), (120, 120, 128), (230, 231, 235)
_TITLE, _TEXT = 17, 12  # font sizes in pixels
_SCALE = 3  # lines are drawn this much larger, then reduced, so that their edges are soft
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 68, 36


def line_chart(
    series: Mapping[str, Sequence[Point]], width: int = 960, height: int = 540, title: str = "", *, log_y: bool = False
) -> NDArray[np.uint8]:
    """Chart of each named `series` of (x, y), sorted by x, as a picture, uint8 (height, width, 3).

    Points that cannot be drawn are left out: NaN, infinite and, with `log_y`, those that are not positive.
    """
    shown = {name: _drawable(points, log_y) for name, points in series.items()}
    axes = _Axes.around([point for points in shown.values() for point in points], width, height, log_y)
    large = Image.new("RGB", (width * _SCALE, height * _SCALE), "white")
    pen = ImageDraw.Draw(large)
    _draw_gridlines(pen, axes)
    courses = [_scaled([(axes.x(x), axes.y(y)) for x, y in points]) for points in shown.values()]
    for course, color in zip(courses, cycle(_COLORS), strict=False):
        _draw_measured(pen, course, color)
    for course, color in zip(courses, cycle(_COLORS), strict=False):
        _draw_smoothed(pen, course, color)
    chart = large.resize((width, height), Image.Resampling.BOX)
    pen = ImageDraw.Draw(chart)
    pen.text((_LEFT, 14), title, fill=_INK, font=font_for(title, _TITLE))
    _write_labels(pen, axes)
    _write_legend(pen, list(series), width)
    return np.array(chart)


def smooth(values: Sequence[float]) -> list[float]:
    """`values` averaged over about 2 % of their number, forwards then backwards, so that the average does not lag."""
    keep = 1 - 1 / max(1.0, 0.02 * len(values))
    forwards = _averaged(values, keep)
    return _averaged(forwards[::-1], keep)[::-1]


def _averaged(values: Sequence[float], keep: float) -> list[float]:
    """Exponential moving average, without the pull to zero at its start (Kingma & Ba 2015, section 3)."""
    average, weight, averages = 0.0, 0.0, []
    for value in values:
        average = keep * average + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        averages.append(average / weight)
    return averages


@dataclass(frozen=True)
class _Axes:
    """Where data coordinates lie in the picture."""

    width: int
    height: int
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    log_y: bool

    @classmethod
    def around(cls, points: Sequence[Point], width: int, height: int, log_y: bool) -> "_Axes":
        x_range = _span([x for x, _ in points], 0.0)
        levels = [math.log10(y) if log_y else y for _, y in points]
        return cls(width, height, x_range, _span(levels, 0.05), log_y)

    def x(self, value: float) -> float:
        low, high = self.x_range
        return _LEFT + (value - low) / (high - low) * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        level = math.log10(value) if self.log_y else value
        return self.height - _BOTTOM - (level - low) / (high - low) * (self.height - _TOP - _BOTTOM)

    def x_ticks(self) -> list[float]:
        return ticks.linear(*self.x_range, max(2, self.width // 120))

    def y_ticks(self) -> list[float]:
        low, high = self.y_range
        marks = ticks.logarithmic(10.0**low, 10.0**high) if self.log_y else []
        if len(marks) >= 2:
            return marks
        # A logarithmic axis over less than a factor of two reads best with evenly spaced values.
        if self.log_y:
            low, high = 10.0**low, 10.0**high
        return ticks.linear(low, high, max(2, self.height // 80))


def _drawable(points: Sequence[Point], log_y: bool) -> list[Point]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y) and (y > 0 or not log_y)]


def _span(values: Sequence[float], margin: float) -> tuple[float, float]:
    """Range of `values` with a part `margin` of it free at both ends; [0, 1] for none, never empty."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        room = abs(low) / 2 or 0.5
        return low - room, high + room
    return low - margin * (high - low), high + margin * (high - low)


def _draw_gridlines(pen: ImageDraw.ImageDraw, axes: _Axes) -> None:
    right, bottom = axes.width - _RIGHT, axes.height - _BOTTOM
    for mark in axes.y_ticks():
        pen.line(_scaled([(_LEFT, axes.y(mark)), (right, axes.y(mark))]), fill=_LINE, width=_SCALE)
    for mark in axes.x_ticks():
        pen.line(_scaled([(axes.x(mark), bottom), (axes.x(mark), bottom + 5)]), fill=_QUIET, width=_SCALE)
    pen.line(_scaled([(_LEFT, bottom), (right, bottom)]), fill=_QUIET, width=_SCALE)


def _draw_measured(pen: ImageDraw.ImageDraw, course: Sequence[Point], color: Color) -> None:
    red, green, blue = (round(0.25 * level + 0.75 * 255) for level in color)
    pen.line(course, fill=(red, green, blue), width=_SCALE, joint="curve")


def _draw_smoothed(pen: ImageDraw.ImageDraw, course: Sequence[Point], color: Color) -> None:
    if not course:
        return
    # Smoothed where they lie in the picture, so that a logarithmic axis gets the geometric mean.
    smoothed = list(zip((x for x, _ in course), smooth([y for _, y in course]), strict=True))
    pen.line(smoothed, fill=color, width=2 * _SCALE, joint="curve")
    (x, y), radius = smoothed[-1], 3.5 * _SCALE
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _write_labels(pen: ImageDraw.ImageDraw, axes: _Axes) -> None:
    for mark in axes.y_ticks():
        text = ticks.label(mark)
        pen.text((_LEFT - 10, axes.y(mark)), text, fill=_QUIET, font=font_for(text, _TEXT), anchor="rm")
    for mark in axes.x_ticks():
        text = ticks.label(mark)
        pen.text((axes.x(mark), axes.height - _BOTTOM + 9), text, fill=_QUIET, font=font_for(text, _TEXT), anchor="mt")


def _write_legend(pen: ImageDraw.ImageDraw, names: Sequence[str], width: int) -> None:
    """Names in their colours in one row under the title, as many as there is room for."""
    left = float(_LEFT)
    for number, name in enumerate(names):
        font = font_for(name, _TEXT)
        end = left + 16 + font.getlength(name)
        if end > width - _RIGHT:
            return
        pen.rounded_rectangle((left, 46, left + 10, 50), radius=2, fill=_COLORS[number % len(_COLORS)])
        pen.text((left + 16, 48), name, fill=_INK, font=font, anchor="lm")
        left = end + 18
