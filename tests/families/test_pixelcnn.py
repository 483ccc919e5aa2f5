"""PixelCNN: what a pixel sees, that sampling with a memory is the plain way, and what attention is for."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families.pixelcnn import PRESETS, TINY, Config, Model
from figment.nn.pixelwise import PixelModel, plainly

PLAIN = replace(TINY, condition="none", attention_every=0)
GREY = Config(image_size=9, channels=1, layers=3, width=16, likelihood="binary")


def test_a_pixel_sees_all_earlier_pixels_within_reach_and_no_later_one(
    lively: Callable[[Model], None], reach: Callable[[PixelModel[Any], int, int], set[tuple[int, int]]]
) -> None:
    model = Model(replace(PLAIN, layers=8)).eval()
    lively(model)
    row, column = 4, 3
    earlier = {(r, c) for r in range(8) for c in range(8) if (r, c) < (row, column)}
    assert reach(model, row, column) == earlier


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        GREY,
        replace(GREY, attention_every=1, heads=4),
        replace(GREY, likelihood="softmax"),
        replace(GREY, channels=3, likelihood="mixture"),
        replace(GREY, condition="class", classes=3),
    ],
)
def test_sampling_with_a_memory_gives_the_pictures_of_the_plain_way(
    config: Config, lively: Callable[[Model], None]
) -> None:
    model = Model(config).eval()
    lively(model)
    kinds: dict[str, dict[str, Any]] = {"class": {"labels": (0, 2)}, "caption": {"prompts": ("a", "b")}}
    asked = kinds.get(config.condition, {})
    request = SampleRequest(2, **asked)
    quick, plain = (finish(way) for way in (model.sample(request, seeded()), plainly(model, request, seeded())))
    assert torch.equal(quick, plain)
    side = config.image_size
    completed = replace(request, init=quick[:1], mask=lower_half(side))
    again, plain = (finish(way) for way in (model.sample(completed, seeded(9)), plainly(model, completed, seeded(9))))
    assert torch.equal(again, plain)
    assert torch.equal(again[:, :, : side // 2], quick[:1, :, : side // 2].expand(2, -1, -1, -1))
    assert not torch.equal(again[0], quick[0])


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lower_half(side: int) -> Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[:, :, side // 2 :] = 1
    return mask


def test_what_is_said_of_the_likelihood_is_what_training_minimises() -> None:
    torch.manual_seed(0)
    model = Model(replace(GREY, image_size=8)).eval()
    images = torch.randint(2, (3, 1, 8, 8)) * 2.0 - 1
    (loss,) = model.losses(Batch(images), "model")
    nats = finish(model.nats(images, seeded()))
    assert float(nats.mean()) == pytest.approx(64 * float(loss.value.detach()), rel=1e-5)


def test_far_away_is_seen_by_attention_alone() -> None:
    """The bottom row repeats the top row, which is chance: 8 ln 2 nats for who remembers it, twice that for others."""
    once = 8 * torch.tensor(2.0).log()
    near, far = (trained(every) for every in (0, 1))
    assert near > 1.8 * once
    assert far < 1.3 * once


def trained(attention_every: int) -> float:
    """Nats of held-out pictures after training on such rows."""
    torch.manual_seed(0)
    config = Config(image_size=8, channels=1, likelihood="binary", width=32, layers=2, hidden=32)
    model = Model(replace(config, attention_every=attention_every, learning_rate=5e-3))
    optimizer = model.optimizers("model")["model"]
    for images in repeated(480):
        (loss,) = model.losses(Batch(images), "model")
        optimizer.zero_grad()
        torch.autograd.backward(loss.value)
        optimizer.step()
    return float(finish(model.eval().nats(next(repeated(1, seed=1)), seeded())).mean())


def repeated(count: int, seed: int = 0) -> Iterator[Tensor]:
    rng = seeded(seed)
    for _ in range(count):
        images = -torch.ones(32, 1, 8, 8)
        images[:, :, 0] = images[:, :, 7] = torch.randint(2, (32, 1, 8), generator=rng) * 2.0 - 1
        yield images


def test_bad_requests_and_data_are_refused() -> None:
    model = Model(PLAIN).eval()
    with pytest.raises(InputError, match="give both"):
        next(model.sample(SampleRequest(init=torch.zeros(1, 1, 8, 8)), seeded()))
    with pytest.raises(DataError, match="learns from pictures"):
        next(model.losses(Batch(texts=("a",)), "model"))
    with pytest.raises(DataError, match="black and white"):
        next(Model(replace(GREY, image_size=8)).losses(Batch(torch.zeros(1, 1, 8, 8)), "model"))
    with pytest.raises(InputError, match="heads"):
        Model(replace(PLAIN, heads=3))
    assert all(Model(replace(preset, image_size=8, channels=1)) for preset in PRESETS.values())
