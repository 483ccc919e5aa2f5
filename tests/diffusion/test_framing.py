"""Pictures brought to size, and boxes around masks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from figment.diffusion.framing import around, fitted
from figment.pixels.resizing import Fit

Picture = NDArray[np.uint8]


def mask(box: tuple[int, int, int, int], high: int = 100, wide: int = 200) -> Picture:
    out = np.zeros((high, wide), np.uint8)
    left, top, right, bottom = box
    out[top:bottom, left:right] = 1
    return out


@pytest.mark.parametrize(
    ("box", "padding", "size", "expected"),
    [
        ((50, 40, 70, 60), 0, (64, 64), (50, 40, 70, 60)),
        ((50, 40, 70, 60), 10, (64, 64), (40, 30, 80, 70)),
        ((50, 40, 70, 60), 0, (64, 128), (40, 40, 80, 60)),  # wider on both sides
        ((50, 40, 71, 60), 0, (64, 64), (50, 40, 71, 61)),  # the odd pixel goes below
        ((50, 40, 90, 60), 0, (64, 64), (50, 30, 90, 70)),
        ((0, 0, 10, 30), 0, (64, 64), (0, 0, 30, 30)),  # moved in from the left
        ((190, 0, 200, 30), 0, (64, 64), (170, 0, 200, 30)),  # and from the right
        ((0, 40, 200, 50), 0, (64, 64), (0, 0, 200, 100)),  # as high as there is
        ((0, 0, 4, 4), 32, (64, 64), (0, 0, 36, 36)),
    ],
)
def test_boxes_around_masks(
    box: tuple[int, int, int, int], padding: int, size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    assert around(mask(box), padding, size) == expected


@pytest.mark.parametrize("how", ["stretch", "cover", "contain"])
@pytest.mark.parametrize("sides", [(64, 64), (37, 90), (90, 37), (1, 200)])
def test_every_picture_comes_to_size(how: Fit, sides: tuple[int, int]) -> None:
    picture = np.full((*sides, 3), 9, np.uint8)
    assert np.array_equal(fitted(picture, (64, 96), how), np.full((64, 96, 3), 9))
    assert fitted(picture[..., 0], (64, 96), how).shape == (64, 96)


def test_what_is_too_long_is_cut_evenly_or_its_edges_are_drawn_out() -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :16] = 50
    picture[:, 48:] = 200
    assert not fitted(picture, (32, 32), "cover").any()
    framed = fitted(picture, (64, 64), "contain")
    assert np.array_equal(framed[16:48], picture)
    assert np.array_equal(framed[:16], np.repeat(picture[:1], 16, axis=0))
    assert np.array_equal(framed[48:], np.repeat(picture[-1:], 16, axis=0))
    columns = fitted(np.arange(36, dtype=np.uint8).reshape(1, 36).repeat(12, axis=0), (12, 15), "cover")
    assert columns[0].tolist() == list(range(11, 26))  # halves are rounded down on both sides
