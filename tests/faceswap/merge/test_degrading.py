"""Frames made poorer."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from figment.faceswap.merge.degrading import denoised, fewer_colours, softened

NOISE: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)


def roughness(frame: NDArray[np.uint8]) -> float:
    return float(np.abs(np.diff(frame.astype(np.float32), axis=0)).mean())


@pytest.mark.parametrize("size", [(40, 48), (1, 1), (17, 5), (3, 33), (2, 5000)])
def test_a_whole_pass_is_the_median_of_25_pixels(size: tuple[int, int]) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    assert np.array_equal(denoised(frame, 100), median_filter(frame, (5, 5, 1), mode="nearest"))


@pytest.mark.parametrize(("degrade", "powers"), [(denoised, (0, 50, 100, 250)), (softened, (0, 30, 60, 100))])
def test_more_power_leaves_less_detail(
    degrade: Callable[[NDArray[np.uint8], int], NDArray[np.uint8]], powers: tuple[int, ...]
) -> None:
    rough = [roughness(degrade(NOISE, power)) for power in powers]
    assert rough == sorted(rough, reverse=True)
    assert rough[0] == roughness(NOISE)
    assert degrade(NOISE, powers[-1]).shape == NOISE.shape


def test_full_power_leaves_256_colours() -> None:
    assert len(np.unique(fewer_colours(NOISE, 100).reshape(-1, 3), axis=0)) <= 256
    middle = (NOISE.astype(int) + fewer_colours(NOISE, 100)) / 2
    assert np.abs(fewer_colours(NOISE, 50) - middle).max() <= 1
    assert np.array_equal(fewer_colours(NOISE, 0), NOISE)
