"""PSNR and SSIM against scikit-image, and where their values are known."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from figment.metrics.fidelity import psnr, ssim


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    wanted = torch.rand(3, 3, 24, 32, generator=rng) * 2 - 1
    return (wanted + 0.2 * torch.randn(wanted.shape, generator=rng)).clamp(-1, 1), wanted


def test_both_agree_with_scikit_image() -> None:
    made, wanted = pictures()
    for one, other, noise, structure in zip(made, wanted, psnr(made, wanted), ssim(made, wanted), strict=True):
        x, y = ((picture.double().numpy() + 1) / 2 for picture in (one, other))
        assert float(noise) == pytest.approx(peak_signal_noise_ratio(x, y, data_range=1.0), rel=1e-5)
        as_published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
        assert float(structure) == pytest.approx(structural_similarity(x, y, channel_axis=0, **as_published), rel=1e-6)


def test_a_picture_is_like_itself_and_an_error_of_a_tenth_is_20_decibels() -> None:
    made, _ = pictures()
    assert torch.allclose(ssim(made, made), torch.ones(3).double())
    assert torch.allclose(psnr(torch.zeros(1, 1, 16, 16), torch.full((1, 1, 16, 16), 0.2)), torch.tensor([20.0]))
