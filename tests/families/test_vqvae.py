"""VQ-VAE: its codes, both levels, what the remedies do, and that it learns to reconstruct."""

from dataclasses import replace
from typing import Literal

import pytest
import torch

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.families.vqvae import PRESETS, TINY, Config, Model

SMALL = Config(image_size=8, channels=1, codes=64, code_width=8, width=16, blocks=1)


def trained(config: Config, steps: int) -> Model:
    torch.manual_seed(0)
    model, digits = Model(config), open_dataset("digits", 8)
    optimizers = model.optimizers("codes")
    for index in range(steps):
        for loss in model.losses(digits.batch(index, 64), "codes"):
            assert isinstance(loss.optimizer, str)
            optimizers[loss.optimizer].zero_grad()
            torch.autograd.backward(loss.value)
            optimizers[loss.optimizer].step()
    return model.eval()


def error(model: Model) -> float:
    """Squared error of reconstructions of held-out digits, as a share of their variance."""
    images = open_dataset("digits", 8, split="test").batch(0, 128).images
    assert images is not None
    made = model.decode(model.encode(images))
    return float((made - images).square().mean() / (images - images.mean(dim=0)).square().mean())


def test_it_learns_to_reconstruct_digits_with_a_codebook_in_use() -> None:
    model = trained(SMALL, 150)
    images = open_dataset("digits", 8).batch(0, 500).images
    assert images is not None
    assert error(model) < 0.6
    assert len(model.encode(images).flatten().bincount().nonzero()) >= 48


def test_the_sharp_preset_learns_with_a_critic_and_features() -> None:
    model = trained(replace(SMALL, sharp=True, adversarial_from=20), 60)
    assert error(model) < 0.9


@pytest.mark.parametrize(("levels", "count"), [(1, 16), (2, 20)])
def test_codes_come_back_as_the_picture_they_were_read_from(levels: Literal[1, 2], count: int) -> None:
    torch.manual_seed(0)
    model = Model(replace(SMALL, image_size=16, levels=levels)).eval()
    images = torch.rand(2, 1, 16, 16) * 2 - 1
    codes = model.encode(images)
    assert codes.shape == (2, count)
    with torch.no_grad():
        _, made = model._reconstructed(images)
    assert torch.allclose(model.decode(codes), made.clamp(-1, 1), atol=1e-5)


def test_the_prior_learns_which_codes_go_together() -> None:
    model = trained(SMALL, 60)
    digits = open_dataset("digits", 8)
    optimizer = model.optimizers("prior")["prior"]
    found = []
    for index in range(60):
        model.train()
        (loss,) = model.losses(digits.batch(index, 64), "prior")
        optimizer.zero_grad()
        torch.autograd.backward(loss.value)
        optimizer.step()
        found.append(float(loss.value.detach()))
    before = model.codebooks[0].vectors.clone()
    assert found[-1] < 0.85 * found[0]
    assert torch.equal(before, model.codebooks[0].vectors)


def test_a_picture_can_be_asked_for_by_class() -> None:
    model = Model(TINY).eval()
    with pytest.raises(InputError, match="classes of this model"):
        finish(model.sample(SampleRequest(labels=(16,)), torch.Generator()))


def test_presets_sides_and_data_without_pictures() -> None:
    assert {"two-level", "sharp", "class", "first"} == PRESETS.keys()
    with pytest.raises(InputError, match="multiple of 8"):
        Model(replace(SMALL, image_size=12, levels=2))
    with pytest.raises(DataError, match="learns from pictures"):
        next(Model(SMALL).losses(Batch(texts=("a",)), "codes"))
