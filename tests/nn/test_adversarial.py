"""Terms that autoencoders share with their critics, by hand."""

import pytest
import torch

from figment.nn.adversarial import balance, hinge
from figment.nn.perceptual import turned


def test_scores_beyond_the_margin_cost_nothing() -> None:
    real, made = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.0])
    assert float(hinge(real, made)) == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 1) / 2)


def test_losses_are_balanced_by_their_pull_on_the_last_weight() -> None:
    last = torch.tensor([1.0, -2.0], requires_grad=True)
    ratio = balance((3 * last).sum(), (0.5 * last).sum(), last)
    assert float(ratio) == pytest.approx(6.0, rel=1e-3)
    assert not ratio.requires_grad


def test_pictures_are_turned_by_quarters() -> None:
    picture = torch.arange(4.0).view(1, 1, 2, 2)
    found = turned(picture.expand(3, -1, -1, -1), torch.tensor([0, 1, 2]))
    assert found.flatten(1).tolist() == [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]]
