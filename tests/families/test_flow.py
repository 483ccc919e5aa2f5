"""The flow: that it can be undone, that its determinants are true, and what it says of data that is known."""

import math
from dataclasses import replace

import pytest
import torch

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.task import finish
from figment.families.flow import LEVEL, TINY, Model


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    made = Model(replace(TINY, image_size=4, levels=1)).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def test_codes_come_back_as_the_pictures_they_were_made_of(model: Model) -> None:
    images = (torch.rand(3, 1, 4, 4, dtype=torch.double) * 2 - 1) * 0.9
    assert torch.allclose(model.decode(model.encode(images)), images, atol=1e-9)


def test_the_determinant_is_that_of_the_jacobian(model: Model) -> None:
    image = torch.rand(1, 1, 4, 4, dtype=torch.double)
    jacobian = torch.autograd.functional.jacobian(lambda x: model._forwards(x)[0], image).view(16, 16)  # type: ignore[no-untyped-call]
    _, volume = model._forwards(image)
    assert float(volume.detach()) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-8)


def test_a_flow_that_does_nothing_costs_what_a_standard_normal_costs() -> None:
    model = Model(replace(TINY, steps=1)).double()
    with torch.no_grad():
        for level in model.steps:
            level[0].mix.copy_(torch.eye(len(level[0].mix)))
    images = torch.zeros(5, 1, 8, 8, dtype=torch.double)
    cost = finish(model.nats(images, torch.Generator().manual_seed(0)))
    assert torch.allclose(cost, torch.full_like(cost, 64 * (0.5 * math.log(2 * math.pi) - math.log(LEVEL))), atol=1e-2)


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = Model(TINY)
    optimizer = model.optimizers("model")["model"]
    images = ((torch.rand(32, 1, 1, 1) * 2 - 1).expand(-1, -1, 8, 8) * 127.5).round() / 127.5  # one grey each
    found = []
    for _ in range(120):
        (loss,) = model.losses(Batch(images), "model")
        optimizer.zero_grad()
        torch.autograd.backward(loss.value)
        optimizer.step()
        found.append(float(loss.value.detach()))
    assert found[-1] < found[0] - 1.5


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="halved"):
        Model(replace(TINY, image_size=6))
    with pytest.raises(DataError, match="learns from pictures"):
        next(Model(TINY).losses(Batch(texts=("a",)), "model"))
