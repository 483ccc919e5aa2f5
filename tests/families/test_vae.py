"""The variational autoencoder against a model whose likelihood is known, and what its pictures are like."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from figment.core.dataset import Batch
from figment.core.errors import DataError
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.families.vae import PRESETS, TINY, Config, Model

DEVIATION = 0.1
SIDE = 4
PIXELS = SIDE * SIDE


class Line(nn.Module):
    """A decoder that is a line: the code times one picture."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.picture = nn.Parameter(picture)

    def forward(self, code: Tensor) -> Tensor:
        return code.view(-1, 1, 1, 1) * self.picture


class Posterior(nn.Module):
    """The exact distribution of the code of a picture on that line, spoilt by a factor on its deviation."""

    def __init__(self, picture: Tensor, spoilt: float) -> None:
        super().__init__()
        self.weights, self.spoilt = picture.flatten() / DEVIATION**2, spoilt
        self.precision = 1 + float(picture.square().sum()) / DEVIATION**2

    def forward(self, images: Tensor) -> Tensor:
        mean = images.flatten(1) @ self.weights[:, None] / self.precision
        log_variance = math.log(self.spoilt**2 / self.precision)
        return torch.cat([mean, torch.full_like(mean, log_variance)], dim=1)


def line(spoilt: float, importance: int) -> Model:
    picture = 0.1 * torch.randn(1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    model = Model(Config(image_size=SIDE, channels=1, code=1, width=8, importance=importance)).eval()
    model.encoder, model.decoder = Posterior(picture, spoilt), Line(picture)  # type: ignore[assignment]  # stand in
    with torch.no_grad():
        model.log_deviation.fill_(math.log(DEVIATION))
    return model


def drawn(model: Model, count: int) -> tuple[Tensor, Tensor]:
    """8-bit pictures of the line, and their exact cost in nats."""
    weights = model.decoder.picture.detach().flatten()  # type: ignore[operator]  # it is a Line
    truth = MultivariateNormal(torch.zeros(PIXELS), torch.outer(weights, weights) + DEVIATION**2 * torch.eye(PIXELS))
    torch.manual_seed(1)
    images = ((truth.sample((count,)).clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
    cost = -truth.log_prob(images)  # type: ignore[no-untyped-call]  # torch has no annotation here
    return images.view(count, 1, SIDE, SIDE), cost - PIXELS * math.log(2 / 255)


def nats(model: Model, images: Tensor) -> Tensor:
    return finish(model.nats(images, torch.Generator().manual_seed(2)))


def test_with_the_exact_posterior_one_sample_gives_the_likelihood() -> None:
    model = line(1.0, importance=1)
    images, exact = drawn(model, 20)
    assert torch.allclose(nats(model, images), exact, atol=0.05)


def test_more_samples_close_the_gap_that_a_wrong_posterior_leaves() -> None:
    images, exact = drawn(line(1.0, 1), 20)
    gaps = [float((nats(line(2.0, importance), images) - exact).mean()) for importance in (1, 1000)]
    assert gaps[0] > 0.2
    assert abs(gaps[1]) < 0.05


def test_black_and_white_pictures_cost_their_cross_entropy() -> None:
    model = Model(replace(TINY, likelihood="binary"))
    out = torch.tensor([0.0, 2.0, -1.0]).view(1, 1, 1, 3)
    white, black = (torch.full((1, 1, 1, 3), value) for value in (1.0, -1.0))
    shares = out.sigmoid()
    assert float(model._cost(white, out)) == pytest.approx(-float(shares.log().sum()), rel=1e-5)
    assert float(model._cost(black, out)) == pytest.approx(-float((1 - shares).log().sum()), rel=1e-5)


def test_the_weight_of_the_code_rises_and_is_kept_with_the_model() -> None:
    torch.manual_seed(0)
    model = Model(replace(TINY, warmup=4, beta=2.0))
    batch = open_dataset("digits", 8).batch(0, 4)

    def share() -> float:
        (loss,) = model.losses(batch, "model")
        picture, code = float(loss.metrics["picture nats"]), float(loss.metrics["code nats"])
        return (float(loss.value.detach()) * 64 - picture) / code

    assert [share() for _ in range(6)] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0, 2.0], rel=1e-3)
    assert int(model.state_dict()["trained"]) == 6


@pytest.mark.parametrize("side", [8, 28, 32, 45])
def test_pictures_of_any_side_come_back_at_their_size(side: int) -> None:
    model = Model(replace(TINY, image_size=side))
    assert model.decode(model.encode(torch.zeros(2, 1, side, side))).shape == (2, 1, side, side)


def test_it_learns_to_reconstruct_digits() -> None:
    digits = open_dataset("digits", 8)
    torch.manual_seed(0)
    model = Model(Config(image_size=8, channels=1, code=8, width=16, warmup=100))
    optimizer = model.optimizers("model")["model"]
    images = digits.batch(500, 64).images
    assert images is not None
    for index in range(150):
        (loss,) = model.losses(digits.batch(index, 64), "model")
        optimizer.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    error = (model.decode(model.encode(images)) - images).square().mean()
    assert float(error) < 0.4 * float((images - images.mean(dim=0)).square().mean())


def test_presets_and_data_without_pictures() -> None:
    assert PRESETS["beta"].beta == 4
    with pytest.raises(DataError, match="learns from pictures"):
        next(Model(TINY).losses(Batch(texts=("a",)), "model"))
