import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from figment.metrics.components import components

PICTURE = """
#..#....
#..#..##
####....
.....#..
....#...
"""


def test_parts_of_a_drawn_mask() -> None:
    mask = np.array([[letter == "#" for letter in line] for line in PICTURE.split()])
    assert [int(part.sum()) for part in components(mask)] == [8, 2, 2]


@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=7))
def test_agrees_with_a_flood(rows: list[list[bool]]) -> None:
    mask = np.array(rows)
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    floods = []
    while left:
        flood = _flood(left, min(left))
        left -= flood
        floods.append(flood)
    parts = [{(int(y), int(x)) for y, x in np.argwhere(part)} for part in components(mask)]
    assert sorted(map(sorted, parts)) == sorted(map(sorted, floods))


def _flood(cells: set[tuple[int, int]], start: tuple[int, int]) -> set[tuple[int, int]]:
    reached, waiting = {start}, [start]
    while waiting:
        y, x = waiting.pop()
        near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & cells - reached
        reached |= near
        waiting += near
    return reached
