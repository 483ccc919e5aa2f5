"""Pictures carried between frame and square."""

import numpy as np

from figment.faceswap.merge.warp import Pixels, inverse, sampled

MATRIX: Pixels = np.array([[0.5, -0.2, 3], [0.1, 0.6, -2]], np.float32)


def plane(width: int, height: int) -> Pixels:
    """(H, W, 2): each pixel's own x and y."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), 2).astype(np.float32)


def test_pixels_come_from_where_the_matrix_says() -> None:
    for sharp, close in ((False, 1e-3), (True, 0.06)):  # the cubic of torch bends a straight line by 1/20 of a step
        result = sampled(plane(60, 50), MATRIX, (20, 30), sharp=sharp)
        wanted = np.concatenate([plane(30, 20), np.ones((20, 30, 1), np.float32)], 2) @ MATRIX.T
        within = ((wanted > 2) & (wanted < [57, 47])).all(2)
        assert within.sum() > 200
        assert np.abs(result - wanted)[within].max() < close


def test_what_lies_outside_is_black() -> None:
    assert sampled(np.ones((5, 5), np.float32), np.array([[1, 0, 20], [0, 1, 0]], np.float32), (4, 4)).max() == 0


def test_the_way_back_leads_back() -> None:
    there = np.array([7, 11], np.float32) @ MATRIX[:, :2].T + MATRIX[:, 2]
    assert np.allclose(there @ inverse(MATRIX)[:, :2].T + inverse(MATRIX)[:, 2], [7, 11], atol=1e-4)
