"""Measures of separate factors on codes whose answer is known."""

import pytest
import torch
from torch import Tensor

from figment.core.errors import DataError
from figment.metrics.disentangling import factor_score, mutual_information_gap


def factors(count: int = 4000) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.stack([torch.randint(values, (count,), generator=rng) for values in (4, 5, 10)], dim=1)


def test_a_factor_in_a_number_of_its_own_scores_one_and_mixed_ones_nothing() -> None:
    known = factors()
    apart = torch.cat([known.float(), torch.randn(len(known), 2)], dim=1)
    turned = known.float() @ torch.tensor([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    assert mutual_information_gap(apart, known) > 0.97
    twice = torch.cat([known.float(), known.float()], dim=1)
    assert mutual_information_gap(twice, known) == pytest.approx(0, abs=1e-9)
    assert mutual_information_gap(turned, known) < 0.6
    assert mutual_information_gap(torch.randn(len(known), 3), known) < 0.05


def differences(entangled: bool) -> tuple[Tensor, Tensor]:
    """Mean differences of pairs that share one of three factors, in a code with a number for each, or without order."""
    rng = torch.Generator().manual_seed(1)
    kept = torch.randint(3, (600,), generator=rng)
    pairs = torch.rand(2, 600, 64, 3, generator=rng)
    shared = torch.arange(3) == kept[:, None, None]
    pairs[1] = torch.where(shared, pairs[0], pairs[1])
    codes = torch.randn(2, 600, 64, 3, generator=rng) if entangled else pairs
    return (codes[0] - codes[1]).abs().mean(dim=1), kept


def test_the_kept_factor_is_told_from_separate_numbers_and_guessed_from_noise() -> None:
    assert factor_score(*differences(entangled=False)) > 0.99
    assert factor_score(*differences(entangled=True)) < 0.5


def test_a_code_of_one_number_has_no_gap() -> None:
    with pytest.raises(DataError, match="at least 2 numbers"):
        mutual_information_gap(torch.randn(10, 1), factors(10))
