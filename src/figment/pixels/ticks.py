"""Round numbers for the axes of a chart."""

import math

__all__ = ["label", "linear", "logarithmic"]

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10)
"""Of axes, in powers of ten."""


def linear(low: float, high: float, about: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high]: at least one, not more than `about` + 1."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    wide = next(place for place, factor in enumerate(STEPS) if factor * power >= rough * (1 - 1e-9))
    marks: list[float] = []
    while not marks:  # a step may be so wide that none of its multiples is within
        step = STEPS[wide] * power
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        marks = [number * step for number in range(first, last + 1)]
        wide -= 1
    return marks


def logarithmic(low: float, high: float) -> list[float]:
    """Powers of ten within [low, high], with their doubles and fives where that gives few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(exponents) > 4 else (1, 2, 5)
    marks = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    return [mark for mark in marks if low <= mark <= high]


def label(value: float) -> str:
    """`value` in few letters: 0.05, 1.5k, 2M, 1e-06."""
    if value == 0:
        return "0"
    size = abs(value)
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit <= size < 1e12:
            return f"{value / unit:.4g}{sign}"
    return f"{value:.4g}"
