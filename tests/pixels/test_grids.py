"""Grids, contact sheets and resizing: where each pixel lands."""

import numpy as np
import pytest
from numpy.typing import NDArray

from figment.pixels.errors import PixelError
from figment.pixels.grids import contact_sheet, grid
from figment.pixels.resizing import Fit, resize


def flat(level: int, height: int = 4, width: int = 6, channels: int = 3) -> NDArray[np.uint8]:
    return np.full((height, width, channels), level, np.uint8)


def test_images_lie_row_by_row() -> None:
    sheet = grid([flat(10), flat(20), flat(30)], 2, padding=1, ground=99)
    assert sheet.shape == (11, 15, 3)
    assert (sheet[1:5, 1:7] == 10).all()
    assert (sheet[1:5, 8:14] == 20).all()
    assert (sheet[6:10, 1:7] == 30).all()
    assert (sheet[6:10, 7:] == 99).all()
    assert (sheet[0] == 99).all()


def test_no_more_columns_than_images() -> None:
    assert grid([flat(1), flat(2)], 8, padding=0).shape == (4, 12, 3)


def test_grid_keeps_one_channel() -> None:
    assert grid([flat(1, channels=1)], 1, padding=0).shape == (4, 6, 1)


@pytest.mark.parametrize(
    ("images", "columns", "message"),
    [([], 1, "no images"), ([flat(1)], 0, "0 columns"), ([flat(1), flat(1, width=5)], 2, "one shape")],
)
def test_impossible_grids_are_refused(images: list[NDArray[np.uint8]], columns: int, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        grid(images, columns)


def test_captions_are_written_under_their_images() -> None:
    images = [flat(200, 40, 64), flat(100, 40, 64, channels=3)]
    sheet = contact_sheet(images, ["a red apple", ""], 2)
    left, right = sheet[:, : sheet.shape[1] // 2], sheet[:, sheet.shape[1] // 2 :]
    assert (left[8:48, 8:72] == 200).all()
    assert (left[48:] < 128).any()
    assert (right[48:] == 255).all()


def test_long_captions_stay_in_their_cell() -> None:
    short = contact_sheet([flat(255, 40, 64)], ["apple"], 1)
    long = contact_sheet([flat(255, 40, 64)], ["Donaudampfschifffahrt " * 9], 1)
    assert long.shape == short.shape
    assert (long[:, :8] == 255).all()
    assert (long[:, -8:] == 255).all()


def test_korean_captions_are_drawn_with_or_without_a_korean_font() -> None:
    assert (contact_sheet([flat(255, 40, 64)], ["빨간 사과"], 1)[48:] < 128).any()


def test_captions_and_images_must_pair() -> None:
    with pytest.raises(PixelError, match="1 captions for 2 images"):
        contact_sheet([flat(1), flat(2)], ["one"], 2)


def halves() -> NDArray[np.uint8]:
    """A wide picture: black left, white middle, black right."""
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 255
    return image


def test_cover_shows_the_middle() -> None:
    assert resize(halves(), (10, 10), "cover")[:, 2:8].min() > 240


def test_contain_shows_everything_on_ground() -> None:
    small = resize(halves(), (30, 30), "contain", ground=128)
    assert (small[:10] == 128).all()
    assert (small[20:] == 128).all()
    assert small[15, 2].max() < 16
    assert small[15, 15].min() > 240


def test_stretch_keeps_the_thirds() -> None:
    small = resize(halves(), (30, 30), "stretch")
    assert small[:, :8].max() < 16
    assert small[:, 13:17].min() > 240


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_one_channel_stays_one(fit: Fit) -> None:
    assert resize(flat(7, channels=1), (8, 8), fit).shape == (8, 8, 1)


@pytest.mark.parametrize("size", [(0, 8), (8, -1), (100_000, 100_000)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(PixelError, match="cannot be"):
        resize(flat(1), size)
