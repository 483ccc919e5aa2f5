"""Adversarial networks: losses and penalties by hand, and the game whose outcome is known."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from figment.core.dataset import Batch
from figment.core.errors import DataError
from figment.data.datasets import open_dataset
from figment.families.gan import PRESETS, TINY, Model, _variety
from figment.nn.adversarial import critic_loss, generator_loss, gradient_penalty


def dirac(penalty: float, *, paired: bool, steps: int = 2000) -> float:
    """How far from the data, a point at 0, the generator of the Dirac game still strays at its end.

    Mescheder et al. 2018, section 2. The generator is a point, the critic a line through 0, and both descend at once.
    """
    point, slope = torch.tensor([1.0], requires_grad=True), torch.tensor([1.0], requires_grad=True)
    data, places = torch.zeros(1, 1), list[float]()

    def critic(places: Tensor) -> Tensor:
        return (slope * places).flatten()

    for _ in range(steps):
        made = point.view(1, 1)
        _, r1 = gradient_penalty(critic, data)
        _, r2 = gradient_penalty(critic, made)
        told = critic_loss(critic(data), critic(made.detach()), paired=paired) + 0.5 * penalty * (r1 + r2)
        passed = generator_loss(critic(data).detach(), (slope.detach() * made).flatten(), paired=paired)
        (of_slope,), (of_point,) = torch.autograd.grad(told, slope), torch.autograd.grad(passed, point)
        with torch.no_grad():
            slope -= 0.1 * of_slope
            point -= 0.1 * of_point
        places.append(abs(float(point.detach())))
    return max(places[-500:])


@pytest.mark.parametrize("paired", [True, False])
def test_the_dirac_game_ends_at_the_data_with_the_penalties_and_never_without(paired: bool) -> None:
    assert dirac(1.0, paired=paired) < 1e-3
    assert dirac(0.0, paired=paired) > 0.3


def test_losses_of_an_undecided_critic() -> None:
    nothing = torch.zeros(5)
    assert float(critic_loss(nothing, nothing, paired=True)) == pytest.approx(math.log(2))
    assert float(critic_loss(nothing, nothing, paired=False)) == pytest.approx(2 * math.log(2))
    assert float(generator_loss(nothing, nothing, paired=True)) == pytest.approx(math.log(2))
    assert float(generator_loss(nothing, nothing, paired=False)) == pytest.approx(math.log(2))


def test_only_the_difference_counts_in_pairs() -> None:
    real, made = torch.randn(8), torch.randn(8)
    assert torch.allclose(critic_loss(real, made, paired=True), critic_loss(real + 5, made + 5, paired=True))
    assert not torch.allclose(critic_loss(real, made, paired=False), critic_loss(real + 5, made + 5, paired=False))


def test_the_penalty_is_the_squared_slope() -> None:
    weights = torch.tensor([1.0, -2.0, 0.5])
    _, penalty = gradient_penalty(lambda rows: rows.square() @ weights, torch.tensor([[1.0, 1.0, 2.0]]))
    assert float(penalty.detach()) == pytest.approx(2**2 + 4**2 + 2**2)


@pytest.mark.parametrize("network", ["residual", "dcgan"])
@pytest.mark.parametrize("side", [7, 8, 28, 30, 32, 128])
def test_both_networks_make_and_judge_pictures_of_the_size(network: str, side: int) -> None:
    model = Model(replace(TINY, network=network, image_size=side))  # type: ignore[arg-type]  # one of the two names
    made = model._made(torch.randn(3, TINY.code))
    assert made.shape == (3, 1, side, side)
    assert model._scores(made).shape == (3,)


def test_the_critic_learns_to_tell_digits_from_noise_and_the_generator_to_move() -> None:
    digits = open_dataset("digits", 8)
    torch.manual_seed(0)
    model = Model(replace(TINY, penalty=0.1))
    optimizers = model.optimizers("model")
    before = [parameter.clone() for parameter in model.generator.parameters()]
    margins = []
    for index in range(30):
        for loss in model.losses(digits.batch(index, 32), "model"):
            assert isinstance(loss.optimizer, str)
            optimizers[loss.optimizer].zero_grad()
            loss.value.backward(inputs=list(getattr(model, loss.optimizer).parameters()))  # type: ignore[no-untyped-call]
            optimizers[loss.optimizer].step()
            margins += [float(loss.metrics["margin"])] if "margin" in loss.metrics else []
    assert sum(margins[-5:]) > sum(margins[:5])
    assert any(not torch.equal(now, then) for now, then in zip(model.generator.parameters(), before, strict=True))


@pytest.mark.parametrize(("side", "weight"), [(8, 2.0), (32, 2.0), (64, 8.0)])
def test_pictures_over_32_px_pay_for_slopes_by_their_pixels(side: int, weight: float) -> None:
    torch.manual_seed(0)
    model = Model(replace(TINY, image_size=side, penalty=2.0))
    images = torch.rand(4, 1, side, side) * 2 - 1
    torch.manual_seed(1)
    paid = next(model.losses(Batch(images), "model")).metrics["penalty"]
    torch.manual_seed(1)
    made = model._made(torch.randn(4, TINY.code)).detach()
    slopes = sum(float(gradient_penalty(model._scores, some)[1].detach()) for some in (images, made))
    assert slopes > 0
    assert float(paid) == pytest.approx(0.5 * weight * slopes, rel=1e-4)


def test_the_classic_is_a_preset_and_data_without_pictures_is_refused() -> None:
    assert PRESETS["classic"].penalty == 0
    with pytest.raises(DataError, match="learns from pictures"):
        next(Model(TINY).losses(Batch(texts=("a",)), "model"))


def test_a_generator_that_repeats_itself_is_called_collapsed_and_a_sure_critic_diverged() -> None:
    torch.manual_seed(0)
    images = open_dataset("digits", 8).batch(0, 32).images
    assert images is not None
    model = Model(TINY)
    healthy = {"margin": 1.0, **{name: float(value) for name, value in _variety(images, images.roll(3, 2)).items()}}
    assert model.warning(healthy) == ""
    repeated = images[:1].expand(32, -1, -1, -1) + 0.01 * torch.randn(32, 1, 8, 8)
    collapsed = {"margin": 1.0, **{name: float(value) for name, value in _variety(images, repeated).items()}}
    assert "collapses" in model.warning(collapsed)
    assert "diverges" in model.warning({**healthy, "margin": 40.0})
    classic = Model(replace(PRESETS["classic"], image_size=8, width=8))
    assert "Use the default preset" in classic.warning(collapsed)
    assert "default" not in model.warning(collapsed)  # which is in use
