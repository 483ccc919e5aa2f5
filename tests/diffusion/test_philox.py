"""Numbers of an NVIDIA GPU, by those that torch.randn is documented to draw there."""

import pytest
import torch

from figment.diffusion.philox import Philox

ON_A_GPU = [
    [-0.92466259, -0.42534415, -2.6438457, 0.14518388],
    [-0.12086647, -0.57972564, -0.62285122, -0.32838709],
    [-1.07454231, -0.36314407, -1.67105067, 2.26550497],
]
"""torch.manual_seed(0); torch.randn((3, 4), device="cuda")."""


def test_seed_0_draws_what_a_gpu_draws() -> None:
    assert torch.allclose(Philox(0).randn(3, 4), torch.tensor(ON_A_GPU), atol=1e-6)


def test_calls_and_seeds_differ_and_numbers_are_normal() -> None:
    generator = Philox(2**40 + 7)
    first, second = generator.randn(200, 200), generator.randn(200, 200)
    assert not torch.equal(first, second)
    assert not torch.equal(first, Philox(7).randn(200, 200))
    assert torch.equal(first, Philox(2**40 + 7).randn(200, 200))
    assert float(first.mean()) == pytest.approx(0, abs=0.02)
    assert float(first.std()) == pytest.approx(1, abs=0.02)
    assert float((first.abs() > 2).float().mean()) == pytest.approx(0.0455, abs=0.005)
