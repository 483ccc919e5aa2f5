"""Counting kinds of pictures."""

import math

import pytest
import torch

from figment.metrics.modes import modes, unevenness


def test_unevenness_is_the_divergence_from_uniform_or_from_what_is_real() -> None:
    assert unevenness(torch.tensor([5, 5, 5, 5])) == pytest.approx(0)
    assert unevenness(torch.tensor([8, 0, 0, 0])) == pytest.approx(math.log(4))
    assert unevenness(torch.tensor([30, 10]), torch.tensor([2999, 999])) == pytest.approx(0, abs=1e-6)
    assert unevenness(torch.tensor([1, 1]), torch.tensor([2, 0])) == pytest.approx(0.5 * math.log(4 / 3))


def test_a_model_that_leaves_kinds_out_is_told_from_one_that_does_not() -> None:
    rng = torch.Generator().manual_seed(0)
    real, even = (torch.randint(10, (1000,), generator=rng) for _ in range(2))
    collapsed = torch.randint(3, (1000,), generator=rng)
    whole, part = modes(even, real, 10), modes(collapsed, real, 10)
    assert (whole.found, part.found) == (10, 3)
    assert whole.unevenness.value < 0.05
    assert part.unevenness.low > 1
    assert str(part).startswith("3 of 10, KL 1.")
