"""The median of 5 x 5 pixels by comparisons alone, many pixels at once.

Columns of five are sorted once for the five windows that share them. Five sorted columns are merged with Batcher's
odd-even network (Batcher 1968: Sorting networks and their applications), of which only what decides the middle value
is done: 170 minima and maxima a pixel, each of many pixels with one instruction.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["median"]

SIDE = 5
MIDDLE = SIDE * SIDE // 2
WIRES = 8
"""A power of two that holds a column."""
EMPTY = -1
"""On a wire without a value, which counts as larger than all values."""
AT_ONCE = 12_000
"""Values that are done at once, so that all that is compared stays in the processor's cache."""
Step = tuple[bool, int, int]
"""Whether the larger is taken, not the smaller, and the numbers of the two values compared."""


def median(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3): each pixel of `frame` (H, W, 3) the median, by channel, of the 25 around it; its edge goes on."""
    height, width = frame.shape[:2]
    reach = SIDE // 2
    padded = np.pad(frame, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    result = np.empty_like(frame)
    most = max(1, AT_ONCE // (3 * width))
    for top in range(0, height, most):
        rows = min(most, height - top)
        column = _run(_column(), [padded[top + y : top + y + rows] for y in range(SIDE)])[-SIDE:]
        values = [rank[:, x : x + width] for x in range(SIDE) for rank in column]
        result[top : top + rows] = _run(_middle(), values)[-1]
    return result


def _run(steps: tuple[Step, ...], values: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """`values` and after them what each of `steps` makes of those before it."""
    values = list(values)
    for larger, a, b in steps:
        values.append((np.maximum if larger else np.minimum)(values[a], values[b]))
    return values


@cache
def _column() -> tuple[Step, ...]:
    """Steps of which the last five are five values in order."""
    wires = [*range(SIDE), *[EMPTY] * (WIRES - SIDE)]
    steps: list[Step] = []
    for size in (2, 4, 8):
        for start in range(0, WIRES, size):
            _compare(wires, steps, SIDE, _merges(start, size, 1))
    return (*steps, *((False, wire, wire) for wire in wires[:SIDE]))


@cache
def _middle() -> tuple[Step, ...]:
    """Steps of which the last is the middle of 25 values, five columns that are each in order."""
    count = 8 * WIRES
    wires = [EMPTY] * count
    for number in range(SIDE * SIDE):
        wires[number // SIDE * WIRES + number % SIDE] = number
    steps: list[Step] = []
    for size in (2 * WIRES, 4 * WIRES, count):
        for start in range(0, count, size):
            _compare(wires, steps, SIDE * SIDE, _merges(start, size, 1))
    return _needed(steps, SIDE * SIDE, wires[MIDDLE])


def _merges(start: int, size: int, stride: int) -> Iterator[tuple[int, int]]:
    """Pairs of wires that, compared in turn, merge two sorted halves of the `size` wires from `start`."""
    if 2 * stride >= size:
        yield start, start + stride
        return
    yield from _merges(start, size, 2 * stride)
    yield from _merges(start + stride, size, 2 * stride)
    for wire in range(start + stride, start + size - stride, 2 * stride):
        yield wire, wire + stride


def _compare(wires: list[int], steps: list[Step], given: int, pairs: Iterator[tuple[int, int]]) -> None:
    """Put the smaller value of each of `pairs` on its first wire, adding to `steps` what two values need."""
    for low, high in pairs:
        a, b = wires[low], wires[high]
        if EMPTY in (a, b):
            wires[low], wires[high] = max(a, b), EMPTY
            continue
        wires[low], wires[high] = given + len(steps), given + len(steps) + 1
        steps += [(False, a, b), (True, a, b)]


def _needed(steps: list[Step], given: int, last: int) -> tuple[Step, ...]:
    """Those of `steps` that value `last` comes from, numbered anew."""
    needed: set[int] = set()
    waiting = [last]
    while waiting:
        number = waiting.pop()
        if number >= given and number not in needed:
            needed.add(number)
            waiting += steps[number - given][1:]
    order = sorted(needed)
    numbers = {number: number for number in range(given)} | {n: given + i for i, n in enumerate(order)}
    chosen = [steps[number - given] for number in order]
    return tuple((larger, numbers[a], numbers[b]) for larger, a, b in chosen)
