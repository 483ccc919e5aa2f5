"""Sharpening and motion blur."""

import numpy as np
import pytest

from figment.faceswap.merge.settings import Sharpen
from figment.faceswap.merge.sharpening import motion_blurred, sharpened
from figment.faceswap.merge.warp import Pixels


def edges(picture: Pixels) -> float:
    return float(np.abs(np.diff(picture, axis=1)).max())


STEP: Pixels = np.full((40, 40, 3), 0.4, np.float32)
STEP[:, 20:] = 0.6


@pytest.mark.parametrize("kind", [Sharpen.BOX, Sharpen.GAUSS])
def test_more_is_sharper_and_less_is_softer(kind: Sharpen) -> None:
    assert edges(sharpened(STEP, kind, 50)) > edges(sharpened(STEP, kind, 20)) > edges(STEP)
    assert edges(sharpened(STEP, kind, -100)) < edges(sharpened(STEP, kind, -50)) < edges(STEP)
    assert np.allclose(sharpened(STEP, kind, 50)[:, :10], 0.4), "flat parts stay"


def test_none_and_nothing_leave_the_face() -> None:
    assert sharpened(STEP, Sharpen.NONE, 50) is STEP
    assert sharpened(STEP, Sharpen.GAUSS, 0) is STEP
    assert motion_blurred(STEP, (0, 0), 100) is STEP
    assert motion_blurred(STEP, (30, 0), 0) is STEP


def test_a_point_is_smeared_along_the_way_alone() -> None:
    point: Pixels = np.zeros((41, 41, 1), np.float32)
    point[20, 20] = 1
    result = motion_blurred(point, (20, 0), 50)[..., 0]
    assert np.allclose(result[20, 15:26], 1 / 11, atol=1e-5), "half of 20 pixels, 5 to each side"
    assert result.sum() == pytest.approx(1, abs=1e-4)
    aslant = motion_blurred(point, (6, -8), 100)[..., 0]
    rows, columns = np.nonzero(aslant > 0.01)
    assert np.corrcoef(rows, columns)[0, 1] < -0.9
    assert np.ptp(columns) < np.ptp(rows)
