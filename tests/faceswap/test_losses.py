"""Losses of the swap, against their formulas written out and closed forms."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from figment.faceswap.losses import blurred, face_loss, likeness, mask_loss, ssim


def pictures(seed: int, size: int = 96) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_ssim_is_wangs_formula_in_a_window_of_eight_pixels() -> None:
    one, other = pictures(0), pictures(1)
    found = ssim(one, other)
    assert found.shape == (2, 3, 89, 89)
    weights = np.exp(-((np.arange(8) - 3.5) ** 2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    for y, x in ((0, 0), (40, 7), (88, 88)):
        a, b = (p[1, 2, y : y + 8, x : x + 8].numpy().astype(float) for p in (one, other))
        mean_a, mean_b = (window * a).sum(), (window * b).sum()
        var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
        shared = (window * (a - mean_a) * (b - mean_b)).sum()
        light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
        assert float(found[1, 2, y, x]) == pytest.approx(light * (2 * shared + 9e-4) / (var_a + var_b + 9e-4), abs=1e-4)


def test_flat_pictures_differ_by_their_light_alone() -> None:
    one, other = torch.full((1, 3, 96, 96), 0.2), torch.full((1, 3, 96, 96), 0.6)
    assert ssim(one, other).mean().item() == pytest.approx((0.24 + 1e-4) / (0.4 + 1e-4), abs=1e-3)


def test_masks_are_blurred_by_a_thirty_second() -> None:
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 30:60, 20:70] = 1
    plain = gaussian_filter(mask[0, 0].numpy(), 3, mode="constant", truncate=10)
    assert np.allclose(blurred(mask)[0, 0], plain, atol=1e-3)


def test_quick96s_loss_of_flat_pictures() -> None:
    """Under a mask that is 1 in the middle only what lies there counts; DSSIM is half of what SSIM lacks."""
    mask = torch.zeros(1, 1, 96, 96)
    drawn, face = torch.full((1, 3, 96, 96), 0.2), torch.full((1, 3, 96, 96), 0.6)
    options = {"finer": False, "eyes": 0.0}
    assert float(face_loss(drawn, face, mask, mask, **options)) == pytest.approx(0, abs=1e-4)  # type: ignore[arg-type]
    mask += 1
    soft = blurred(mask)
    expected = 5 * (1 - ssim(drawn * soft, face * soft).mean()) + 10 * (0.16 * soft**2).mean()
    assert float(face_loss(drawn, face, mask, mask, **options)) == pytest.approx(float(expected))  # type: ignore[arg-type]


def test_eyes_and_mouth_weigh_more() -> None:
    drawn, face = torch.full((1, 3, 96, 96), 0.2), torch.full((1, 3, 96, 96), 0.6)
    mask, parts = torch.ones(1, 1, 96, 96), torch.zeros(1, 1, 96, 96)
    parts[..., :24, :] = 1
    without = face_loss(drawn, face, mask, parts, finer=True, eyes=0.0)
    assert float(face_loss(drawn, face, mask, parts, finer=True, eyes=3.0) - without) == pytest.approx(0.3, abs=1e-4)


def test_masks_are_compared_by_ten_mean_squares() -> None:
    assert float(mask_loss(torch.full((1, 1, 4, 4), 0.5), torch.ones(1, 1, 4, 4))) == 2.5


def test_likeness_looks_at_the_face_alone() -> None:
    face = pictures(0)
    drawn = face.clone()
    drawn[..., :40] = 0
    mask = torch.zeros(2, 1, 96, 96)
    mask[..., 50:] = 1
    assert torch.allclose(likeness(drawn, face, mask), torch.ones(2))
    assert (likeness(drawn, face, torch.ones(2, 1, 96, 96)) < 0.8).all()
