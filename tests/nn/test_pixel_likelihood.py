"""Likelihoods of pixels against their definitions, and draws against likelihoods."""

import numpy as np
import pytest
import torch
from torch import Tensor

from figment.core.errors import DataError, InputError
from figment.nn.pixel_draws import CODES, chances, draw
from figment.nn.pixel_likelihood import COMPONENTS, Likelihood, outputs, pixel_nats

VALUES = torch.arange(256) / 127.5 - 1


def said(channels: int, spread: float = 1.0) -> Tensor:
    rng = torch.Generator().manual_seed(3)
    numbers = spread * torch.randn(1, COMPONENTS, outputs("mixture", channels) // COMPONENTS, 1, 1, generator=rng)
    numbers[:, :, 1 + channels : 1 + 2 * channels] -= 3  # narrow components
    return numbers.flatten(1, 2)


@pytest.mark.parametrize("likelihood", ["softmax", "mixture"])
def test_the_masses_of_all_values_of_a_grey_pixel_add_up_to_one(likelihood: Likelihood) -> None:
    told = said(1) if likelihood == "mixture" else torch.randn(1, 256, 1, 1)
    images = VALUES.view(-1, 1, 1, 1)
    assert float((-pixel_nats(likelihood, told.expand(256, -1, -1, -1), images)).exp().sum()) == pytest.approx(
        1, abs=1e-4
    )


def test_the_last_channel_leans_on_the_ones_before_and_still_adds_up() -> None:
    told = said(2)
    masses = []
    for first in (0, 100, 255):
        images = torch.stack([VALUES[first].expand(256), VALUES], dim=1)[:, :, None, None]
        costs = pixel_nats("mixture", told.expand(256, -1, -1, -1), images).flatten()
        masses.append((-costs).exp())
    conditionals = [mass / mass.sum() for mass in masses]
    assert (conditionals[0] - conditionals[2]).abs().max() > 1e-3
    grey = torch.cat([said(2).view(COMPONENTS, -1)[:, index : index + 1] for index in (0, 1, 3)], dim=1).view(
        1, -1, 1, 1
    )
    first_alone = -pixel_nats("mixture", grey, VALUES[100].view(1, 1, 1, 1))
    assert float(masses[1].sum().log()) == pytest.approx(float(first_alone), abs=1e-3)


def test_a_value_far_from_every_component_costs_a_finite_and_smooth_price() -> None:
    told = torch.zeros(1, outputs("mixture", 1), 1, 1)
    told.view(COMPONENTS, 3)[:, 2] = -7  # all components at grey, as narrow as they may be
    images = VALUES.view(-1, 1, 1, 1)
    costs = pixel_nats("mixture", told.expand(256, -1, -1, -1), images).flatten()
    assert costs.isfinite().all()
    assert bool((costs[128:].diff() > 0).all())


@pytest.mark.parametrize("likelihood", ["binary", "softmax", "mixture"])
def test_draws_come_as_often_as_they_are_likely(likelihood: Likelihood) -> None:
    torch.manual_seed(0)
    told = said(1) if likelihood == "mixture" else torch.randn(1, outputs(likelihood, 1), 1, 1)
    images = drawn(likelihood, told, 1)
    likely = (-pixel_nats(likelihood, told.expand(len(images), -1, -1, -1), images)).flatten().exp()
    values = images.flatten()
    for value in values.unique():  # type: ignore[no-untyped-call]  # torch has no annotation here
        often, expected = float((values == value).float().mean()), float(likely[values == value][0])
        assert often == pytest.approx(expected, abs=5 * (expected / len(values)) ** 0.5 + 1e-4)


def test_the_channels_of_a_drawn_pixel_lean_on_each_other_as_the_likelihood_has_it() -> None:
    narrow = torch.zeros(COMPONENTS, outputs("mixture", 3) // COMPONENTS)
    narrow[:, 4:7] = -5
    narrow[:, 7:] = torch.tensor([2.0, -2.0, 0.5])  # green on red, blue on red, blue on green
    narrow[:, 1] = 0.4
    images = drawn("mixture", narrow.view(1, -1, 1, 1), 3)[:, :, 0, 0]
    pulls = narrow[0, 7:].tanh()
    red, green, blue = images.mean(dim=0)
    assert float(red) == pytest.approx(0.4, abs=0.01)
    assert float(green) == pytest.approx(float(pulls[0] * red), abs=0.01)
    assert float(blue) == pytest.approx(float(pulls[1] * red + pulls[2] * green), abs=0.01)


def drawn(likelihood: Likelihood, told: Tensor, channels: int) -> Tensor:
    """20,000 pixels (N, C, 1, 1) drawn from what is `told` (1, K, 1, 1)."""
    rng = np.random.default_rng(0)
    pixels = np.zeros((20_000, channels), np.float32)
    for pixel in pixels:
        draw(CODES[likelihood], told.flatten().numpy(), rng.random(chances(channels), np.float32), pixel)
    return torch.from_numpy(pixels)[:, :, None, None]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="grey"):
        outputs("softmax", 3)
    with pytest.raises(DataError, match="black and white"):
        pixel_nats("binary", torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1))
