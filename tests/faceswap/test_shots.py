"""Shots: cuts are found, and motion, fades and noise are none."""

import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut, coffee

from figment.faceswap.shots import cuts, sign


def signs(frames: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack([sign(frame) for frame in frames])


def going(picture: NDArray[np.uint8], count: int, step: int = 4) -> list[NDArray[np.uint8]]:
    """A camera that goes over a picture."""
    return [picture[50:250, step * number : step * number + 200] for number in range(count)]


def test_a_sign_is_the_means_of_parts() -> None:
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[8:16, 24:36, 1] = 200
    expected = np.zeros((3, 8, 8), np.uint8)
    expected[1, 1, 2] = 200
    np.testing.assert_array_equal(sign(frame), expected)


def test_shots_begin_where_the_picture_is_another() -> None:
    frames = going(astronaut(), 12) + going(coffee(), 9) + going(astronaut(), 5)
    assert cuts(signs(frames)) == [0, 12, 21]


def test_a_camera_that_moves_fast_cuts_nothing() -> None:
    assert cuts(signs(going(astronaut(), 8, 40))) == [0]


def test_a_fade_cuts_nothing() -> None:
    one, other = (picture[:200, :200].astype(float) for picture in (astronaut(), coffee()))
    faded = [(one * (1 - share) + other * share).astype(np.uint8) for share in np.linspace(0, 1, 10)]
    assert cuts(signs(faded)) == [0]


def test_of_no_pictures_there_is_no_shot_and_of_one_there_is_one() -> None:
    assert cuts(np.zeros((0, 3, 8, 8), np.uint8)) == []
    assert cuts(signs(going(astronaut(), 1))) == [0]


def test_two_pictures_can_be_two_shots() -> None:
    assert cuts(signs([astronaut(), coffee()])) == [0, 1]
