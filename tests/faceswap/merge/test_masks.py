"""Masks: which there are, and what brushes do to their edges."""

import numpy as np
import pytest

from figment.faceswap.merge.masks import chosen, shaped
from figment.faceswap.merge.settings import MaskMode
from figment.faceswap.merge.warp import Pixels

SQUARE: Pixels = np.array([[16, 16], [48, 16], [48, 48], [16, 48], *[[32, 32]] * 64], np.float32)
"""68 points whose hull is a square."""


def disc(radius: float, side: int = 256) -> Pixels:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    mask: Pixels = (radius + 0.5 - np.hypot(x, y)).clip(0, 1).astype(np.float32)
    return mask


def radius(mask: Pixels) -> float:
    """Of the disc that has the area of `mask`."""
    return float(np.sqrt(mask.sum() / np.pi))


def test_modes_are_what_their_names_say() -> None:
    predicted, target = np.full((64, 64), 0.5, np.float32), np.full((64, 64), 0.75, np.float32)
    masks = {mode: chosen(mode, SQUARE, predicted, target) for mode in MaskMode}
    assert {mode.value: float(mask[32, 32]) for mode, mask in masks.items()} == {
        "full": 1,
        "dst": 1,
        "learned-prd": 0.5,
        "learned-dst": 0.75,
        "learned-prd*learned-dst": 0.375,
        "learned-prd+learned-dst": 1,
    }
    assert masks[MaskMode.DST][0, 0] == 0
    assert masks[MaskMode.FULL][0, 0] == 1


@pytest.mark.parametrize("erode", [-100, 100, 200])
def test_eroding_moves_the_edge_by_half_the_brush(erode: int) -> None:
    assert radius(shaped(disc(80), erode, 0)) == pytest.approx(80 - erode / 2 / 4, abs=0.5)


def test_a_brush_does_the_same_at_any_size() -> None:
    assert radius(shaped(disc(160, 512), 120, 0)) == pytest.approx(2 * radius(shaped(disc(80), 120, 0)), abs=1)


def test_blurring_softens_the_edge_and_keeps_the_area() -> None:
    mask = shaped(disc(60), 0, 200)
    assert mask.sum() == pytest.approx(disc(60).sum(), rel=0.01)
    assert np.abs(np.diff(mask[128])).max() < 0.1
    assert mask[128, 128] > 0.98


def test_no_edge_of_the_square_is_left() -> None:
    mask = shaped(np.ones((64, 64), np.float32), -200, 100)
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0


def test_an_empty_mask_stays_empty() -> None:
    assert shaped(np.zeros((64, 64), np.float32), -400, 100).max() == 0
