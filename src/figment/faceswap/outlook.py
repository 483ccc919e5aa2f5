"""How long a training will take: by its steps, and by how like the faces become that it does not learn from."""

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["steps_to"]

LEAST = 3
"""Measurements that are needed."""


def steps_to(likeness: Sequence[tuple[int, float]], wanted: float) -> float:
    """At which step the likeness will be `wanted`, from (step, likeness) so far; infinity where it does not grow.

    What is lacking to 1 falls as a power of the steps, as losses of networks do (Hestness et al. 2017); it is fitted to
    the later half of the measurements. NaN while there are fewer than three.
    """
    recent = [(step, value) for step, value in likeness if step > 0 and value < 1]
    recent = recent[min(len(recent) // 2, max(0, len(recent) - LEAST)) :]
    if len(recent) < LEAST:
        return math.nan
    x, y = np.log([(step, 1 - value) for step, value in recent]).T
    slope, start = np.polyfit(x, y, 1)
    if slope >= 0:
        return math.inf
    exponent = (math.log(1 - wanted) - start) / slope
    return math.exp(exponent) if exponent < 700 else math.inf
