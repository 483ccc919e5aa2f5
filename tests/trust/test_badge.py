"""The visible label: where it is, how large, and that it can be read on any ground."""

import hashlib
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.trust.badge import badge


def plain(height: int, width: int, level: int = 255) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def plate_of(height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what the label changed on white."""
    changed = np.argwhere((badge(plain(height, width)) != 255).any(axis=-1))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
    return int(top), int(bottom), int(left), int(right)


SIZES = [(480, 854), (854, 480), (512, 512), (128, 128), (96, 96), (1080, 1920), (720, 180), (96, 2000), (2160, 3840)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_it_lies_at_the_bottom_left_inside_the_picture(height: int, width: int) -> None:
    top, bottom, left, right = plate_of(height, width)
    assert bottom - top >= 0.05 * height
    assert 0 < left < right < width
    assert left == height - bottom
    assert bottom > height * 0.9


@pytest.mark.parametrize(("height", "width"), [(480, 854), (512, 512), (1080, 1920), (854, 480)])
def test_letters_are_five_percent_of_the_height(height: int, width: int) -> None:
    bright = np.argwhere(badge(plain(height, width, 0))[..., 0] > 60)
    assert bright[:, 0].max() + 1 - bright[:, 0].min() >= 0.05 * height


@pytest.mark.parametrize("level", [0, 64, 128, 192, 255])
def test_letters_stand_out_on_any_ground(level: int) -> None:
    """Contrast of at least 7 to 1, as WCAG 2.2, 1.4.6 asks."""
    top, bottom, left, right = plate_of(480, 854)
    inside = badge(plain(480, 854, level))[top:bottom, left:right, 0]
    ground, letters = luminance(inside[1, 1]), luminance(inside.max())
    assert (letters + 0.05) / (ground + 0.05) >= 7
    assert 0.03 < (inside > 200).mean() < 0.5


def luminance(level: np.uint8) -> float:
    share = float(level) / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def test_the_rest_of_the_picture_stays() -> None:
    image = np.random.default_rng(0).integers(0, 256, (480, 854, 3), np.uint8)
    before = image.copy()
    labelled = badge(image)
    top, bottom, left, right = plate_of(480, 854)
    labelled[top:bottom, left:right] = image[top:bottom, left:right]
    np.testing.assert_array_equal(labelled, image)
    np.testing.assert_array_equal(image, before)


def test_bytes_do_not_change_between_versions() -> None:
    digest = hashlib.sha256(badge(plain(480, 854)).tobytes() + badge(plain(128, 128, 90)).tobytes()).hexdigest()
    assert digest == "352f677c3296bafbd35d06fc1961df68d9b938e8fde6d8d4e6f86db0e8023f01"


@pytest.mark.parametrize(("height", "width"), [(20, 300), (300, 40), (64, 64), (1, 1), (4000, 100)])
def test_no_label_that_cannot_be_read(height: int, width: int) -> None:
    with pytest.raises(InputError, match="no room for the label"):
        badge(plain(height, width))


def test_further_frames_are_fast() -> None:
    frame = plain(480, 854)
    badge(frame)
    start = time.process_time()
    for _ in range(20):
        badge(frame)
    assert (time.process_time() - start) / 20 < 0.005  # 1 ms is meant; the rest is room for slow machines
