"""Seamless cloning, beside a direct solution of the equations."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from figment.faceswap.merge.seamless import cloned
from figment.faceswap.merge.warp import Pixels

RNG = np.random.default_rng(0)


def smooth(height: int, width: int) -> Pixels:
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.stack([np.sin(5 * x + 3 * y), np.cos(4 * y), np.sin(7 * x * y)], 2)
    return (0.5 + 0.15 * waves + RNG.normal(0, 0.01, waves.shape)).astype(np.float32)


def ellipse(height: int, width: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[:height, :width]
    inside: NDArray[np.bool_] = ((y - height / 2) / (height * 0.4)) ** 2 + ((x - width / 2) / (width * 0.35)) ** 2 < 1
    return inside


def solved(source: Pixels, target: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """Pérez, Gangnet & Blake 2003, eq. 7 to 9, with sparse matrices."""
    number = np.cumsum(inside).reshape(inside.shape) - 1
    matrix, right = lil_matrix((inside.sum(), inside.sum())), np.zeros((inside.sum(), 3))
    for y, x in np.argwhere(inside):
        row = number[y, x]
        matrix[row, row] = 4
        for there in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            right[row] += source[y, x] - source[there]
            if inside[there]:
                matrix[row, number[there]] = -1
            else:
                right[row] += target[there]
    result = target.copy()
    result[inside] = spsolve(matrix.tocsr(), right)
    return result


@pytest.mark.parametrize(("height", "width"), [(61, 47), (41, 64)])
def test_result_is_the_direct_solution(height: int, width: int) -> None:
    source, target, inside = smooth(height, width) + 0.1, smooth(height, width)[::-1] - 0.05, ellipse(height, width)
    wanted = solved(source, target, inside).clip(0, 1)
    assert np.abs(cloned(source, target, inside) - wanted).max() < 0.25 / 255


def test_two_islands_are_solved_apart() -> None:
    source, target = smooth(50, 80), smooth(50, 80)[:, ::-1].copy()
    inside = np.zeros((50, 80), np.bool_)
    inside[5:40, 5:30] = inside[10:45, 40:75] = True
    assert np.abs(cloned(source, target, inside) - solved(source, target, inside)).max() < 0.25 / 255


def test_a_source_that_differs_by_a_constant_vanishes() -> None:
    target = smooth(40, 40)
    assert np.abs(cloned(target + 0.1, target, ellipse(40, 40)) - target).max() < 1e-3


def test_outside_and_the_rim_of_the_frame_stay() -> None:
    source, target = smooth(30, 40), smooth(30, 40)[::-1].copy()
    inside = np.zeros((30, 40), np.bool_)
    inside[:20] = True
    result = cloned(source, target, inside)
    stays = np.ones((30, 40), np.bool_)
    stays[1:20, 1:-1] = False
    assert np.array_equal(result[stays], target[stays])
    assert not np.allclose(result[1:20, 1:-1], target[1:20, 1:-1], atol=0.01)
