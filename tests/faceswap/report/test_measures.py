"""Each measure of the report on a case whose answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000
from skimage.data import astronaut
from skimage.metrics import structural_similarity
from tests.faceswap.made_faces import POINTS, turned

from figment.faceswap.report.flicker import flicker
from figment.faceswap.report.likeness import masked_ssim, offsets, pose_error
from figment.faceswap.report.seam import ciede2000, seam

RNG = np.random.default_rng(0)
FACE: NDArray[np.uint8] = np.ascontiguousarray(astronaut()[60:190, 160:290])
SIZE = len(FACE)
LEFT = np.zeros((SIZE, SIZE), np.float32)
LEFT[:, : SIZE // 2] = 1


def grey(level: float) -> NDArray[np.uint8]:
    return np.full((SIZE, SIZE, 3), level, np.uint8)


def test_points_are_off_in_per_cent_of_the_distance_of_the_eyes() -> None:
    points = POINTS * 100  # their eyes are 40 apart
    expected = np.tile([100 * 3 / 40, 100 * 4 / 40], (68, 1))
    for turn in (0.0, 0.7):  # wherever the head is
        turned = 2 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        back = np.concatenate([np.linalg.inv(turned), [[5.0], [7.0]]], 1)
        made, wanted = ((points + shift) @ turned.T for shift in (np.array([3, 4]), 0))
        np.testing.assert_allclose(offsets(made, wanted, back), expected, rtol=1e-4)
        assert (offsets(wanted, wanted, back) == 0).all()


@pytest.mark.parametrize(("yaw", "pitch"), [(10, 0), (-20, 0), (0, 8), (12, -6)])
def test_a_head_that_turns_is_off_by_its_angles(yaw: float, pitch: float) -> None:
    expected = (abs(yaw) + abs(pitch)) / 3
    assert pose_error(turned(yaw, pitch), turned(0, 0)) == pytest.approx(expected, abs=0.35)


def test_a_roll_counts_the_short_way_round() -> None:
    def rolled(degrees: float) -> NDArray[np.float32]:
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.asarray((POINTS - 0.5) @ np.array([[c, s], [-s, c]]) * 100 + 50, np.float32)

    assert pose_error(rolled(175), rolled(-179)) == pytest.approx(2, abs=1e-3)


def test_ssim_under_a_full_mask_is_that_of_the_reference() -> None:
    other = (FACE.astype(float) * 0.8 + RNG.normal(0, 9, FACE.shape)).clip(0, 255).astype(np.uint8)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    expected = structural_similarity(other, FACE, channel_axis=2, full=True, **options)[1][5:-5, 5:-5].mean()
    assert masked_ssim(other, FACE, np.ones((SIZE, SIZE), np.float32)) == pytest.approx(expected, abs=2e-3)


def test_what_the_mask_leaves_out_does_not_count() -> None:
    spoilt = FACE.copy()
    spoilt[:, SIZE // 2 + 6 :] = 0
    assert masked_ssim(spoilt, FACE, LEFT) == pytest.approx(1)
    assert masked_ssim(spoilt, FACE, 1 - LEFT) < 0.5
    assert np.isnan(masked_ssim(FACE, FACE, np.zeros_like(LEFT)))


def test_steady_change_is_no_flicker_and_going_back_is() -> None:
    assert flicker([grey(10), grey(20), grey(30)], LEFT) == pytest.approx(0, abs=1e-9)
    assert flicker([grey(10), grey(13), grey(10)], LEFT) == pytest.approx(6)
    there = grey(10)
    there[:, SIZE // 2 :] = 200
    assert flicker([grey(10), there, grey(10)], LEFT) == pytest.approx(0, abs=1e-9)
    assert np.isnan(flicker([FACE] * 3, np.zeros_like(LEFT)))


def test_colours_differ_as_the_reference_says() -> None:
    first, second = (RNG.uniform([0, -100, -100], [100, 100, 100], (4000, 3)) for _ in range(2))
    first[:5, 1:] = 0  # greys have no hue
    np.testing.assert_allclose(ciede2000(first, second), deltaE_ciede2000(first, second), atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Sharma, Wu & Dalal 2005, table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_colours_differ_as_published(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    assert ciede2000(np.array([first]), np.array([second]))[0] == pytest.approx(expected, abs=1e-4)


def test_a_seam_is_the_difference_of_the_two_colours() -> None:
    sides = np.where(LEFT[..., None] > 0, np.uint8(120), np.uint8(140)) * np.ones(3, np.uint8)
    lab = [116 * (((level / 255 + 0.055) / 1.055) ** 2.4) ** (1 / 3) - 16 for level in (120, 140)]
    expected = deltaE_ciede2000(*(np.array([light, 0, 0]) for light in lab))
    assert seam(sides, LEFT) == pytest.approx(expected, rel=1e-3)
    assert seam(grey(90), LEFT) == pytest.approx(0, abs=1e-6)
    assert np.isnan(seam(FACE, np.zeros_like(LEFT)))
    assert np.isnan(seam(FACE, np.ones_like(LEFT)))
