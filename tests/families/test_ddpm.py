"""Denoising diffusion against normal distributions, of which bound, samples and inpainting are known."""

import math
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.families.ddpm import PRESETS, TINY, Config, Model
from figment.nn.gaussian import discretised_nats, divergence
from figment.nn.samplers import labels
from figment.nn.unet import UNetConfig

DEVIATION = 0.25
PLAIN = Config(
    image_size=8, channels=1, unet=UNetConfig(width=8, multiples=(1,), blocks=1, heads=2), predicts="picture"
)


class Exact(Model):
    """Knows the mean of all pictures that could be under the noise, for values from N(0, DEVIATION^2)."""

    def _predict(self, noisy: Tensor, time: Tensor, condition: Tensor) -> tuple[Tensor, None]:
        levels = self.levels[time][:, None, None, None].float()
        return noisy * levels.sqrt() * DEVIATION**2 / (levels * DEVIATION**2 + 1 - levels), None


def tiny(**changes: object) -> Model:
    """A model with chance weights, none of them zero."""
    torch.manual_seed(0)
    model = Model(replace(PLAIN, **changes)).eval()  # type: ignore[arg-type]  # fields of the configuration
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_bound_of_an_exact_model_is_the_entropy_of_its_data(schedule: Literal["linear", "cosine"]) -> None:
    model = Exact(replace(PLAIN, schedule=schedule, times=1000))
    values = DEVIATION * torch.randn(64, 1, 8, 8, generator=rng(1))
    images = ((values.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
    found = finish(model.nats(images, rng(2))) / 64
    entropy = 0.5 * math.log(2 * math.pi * math.e * DEVIATION**2) - math.log(2 / 255)
    # Adding back all of beta, where the posterior has less, costs about 0.1 nats in the first few steps.
    assert entropy - 0.02 < float(found.mean()) < entropy + 0.15


@pytest.mark.parametrize(
    "sampler", sorted(labels().keys() - {"LCM"})
)  # that one keeps means alone: see test_samplers.py
def test_samples_of_an_exact_model_have_the_deviation_of_its_data(sampler: str) -> None:
    request = SampleRequest(count=64, steps=500, sampler=sampler)
    pictures = finish(Exact(replace(PLAIN, schedule="linear")).sample(request, rng()))
    assert float(pictures.mean()) == pytest.approx(0, abs=0.02)
    assert float(pictures.std()) == pytest.approx(DEVIATION, rel=0.08)


@pytest.mark.parametrize("predicts", ["noise", "picture", "v"])
def test_all_three_predictions_stand_for_the_same_picture(predicts: str) -> None:
    model = tiny(predicts=predicts)
    clean, noise = torch.rand(4, 1, 8, 8, generator=rng(3)) * 2 - 1, torch.randn(4, 1, 8, 8, generator=rng(4))
    signal, strength = model._mixing(torch.tensor([0, 10, 400, 900]))
    noisy = signal * clean + strength * noise
    out = {"noise": noise, "picture": clean, "v": signal * noise - strength * clean}[predicts]
    assert torch.allclose(model._picture(out, noisy, signal, strength), clean, atol=2e-3)


def test_divergence_is_that_of_two_normal_distributions() -> None:
    means, deviations = torch.randn(2, 50, generator=rng(5)), torch.rand(2, 50, generator=rng(6)) + 0.1
    expected = kl_divergence(Normal(means[0], deviations[0]), Normal(means[1], deviations[1]))
    variances = deviations.square().log()
    assert torch.allclose(divergence(means[0], variances[0], means[1], variances[1]), expected, atol=1e-5)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 0.1), (0.9, 0.3), (-1.2, 0.05)])
def test_the_masses_of_all_values_add_up_to_one(mean: float, deviation: float) -> None:
    values = torch.linspace(-1, 1, 256)
    nats = discretised_nats(values, torch.full((256,), mean), torch.full((256,), math.log(deviation**2)))
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_what_a_mask_leaves_out_is_kept_to_the_last_bit() -> None:
    known = torch.rand(1, 1, 8, 8, generator=rng(7)) * 2 - 1
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    request = SampleRequest(count=3, steps=5, init=known, mask=mask, strength=1.0)
    pictures = finish(tiny().sample(request, rng()))
    assert torch.equal(pictures[..., :4], known.expand(3, -1, -1, -1)[..., :4])
    assert not torch.equal(pictures[0, ..., 4:], pictures[1, ..., 4:])


def test_strength_says_how_much_of_a_picture_is_redone() -> None:
    known = DEVIATION * torch.randn(1, 1, 8, 8, generator=rng(8))
    model = Exact(replace(PLAIN, schedule="linear"))

    def change(strength: float) -> float:
        request = SampleRequest(count=16, steps=round(10 + 490 * strength), init=known, strength=strength)
        return float((finish(model.sample(request, rng())) - known).square().mean().sqrt())

    assert change(0.0) == 0
    assert 0 < change(0.02) < float(model.sigmas[19])  # at most as much as was added in noise
    assert change(0.02) < change(0.2) < change(1.0)
    assert change(1.0) == pytest.approx(2**0.5 * DEVIATION, rel=0.15)  # nothing is left of it


def test_classes_and_guidance() -> None:
    model = tiny(condition="class", classes=3)

    def made(**asked: object) -> Tensor:
        return finish(model.sample(SampleRequest(steps=4, **asked), rng()))  # type: ignore[arg-type]  # request fields

    assert not torch.equal(made(labels=(0,)), made(labels=(2,)))
    assert not torch.equal(made(labels=(0,), guidance=1.0), made(labels=(0,), guidance=4.0))
    assert torch.equal(made(labels=(1,), guidance=1.0), made(labels=(1,), guidance=1.0, count=1))
    with pytest.raises(InputError, match="classes of this model are 0 to 2"):
        made(labels=(3,))


@pytest.mark.parametrize(
    ("condition", "batch", "said"),
    [
        ("none", Batch(texts=("a",)), "learns from pictures"),
        ("class", Batch(torch.zeros(1, 1, 8, 8)), "needs class labels"),
        ("caption", Batch(torch.zeros(1, 1, 8, 8)), "needs captions"),
    ],
)
def test_data_without_what_it_learns_from_is_refused(condition: str, batch: Batch, said: str) -> None:
    model = tiny(condition=condition, classes=2 if condition == "class" else 0, text=TINY.text)
    with pytest.raises(DataError, match=said):
        list(model.losses(batch, "model"))


def test_presets_are_models_and_a_condition_without_classes_is_not() -> None:
    assert PRESETS["2020"].predicts == "noise"
    with pytest.raises(InputError, match="'class' needs data with classes"):
        Model(replace(TINY, condition="class"))


def test_it_learns_digits() -> None:
    digits = open_dataset("digits", 8)
    torch.manual_seed(0)
    model = Model(replace(PLAIN, predicts="v", condition="class", classes=10)).train()
    optimizer = model.optimizers("model")["model"]

    def loss(index: int) -> Tensor:
        torch.manual_seed(index)
        (found,) = model.losses(digits.batch(index, 64), "model")
        return found.value

    before = sum(float(loss(index).detach()) for index in range(1000, 1004))
    for index in range(150):
        optimizer.zero_grad()
        loss(index).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    after = sum(float(loss(index).detach()) for index in range(1000, 1004))
    assert after < 0.65 * before
