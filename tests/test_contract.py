"""What every model family must do, whichever it is."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from figment import families
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.dataset import Batch, Dataset, Source
from figment.core.errors import InputError
from figment.core.model import GenerativeModel, Inpaints, SampleRequest
from figment.core.task import Progress, finish
from figment.training.recipe import Recipe, Stage
from figment.training.trainer import train

CAPTIONS = ("a red apple", "파란 배경 왼쪽에 빨간 사과")
CLASSES, TEACHER = 16, 384
STEPS, SIZE = 3, 2
STOP_EVERY = 4  # steps; three to a stage, so that stops fall on every place in a stage, its end included

pytestmark = pytest.mark.parametrize("family", families.names())


class Noise(Dataset):
    """Random pictures with everything that a stage may ask for; every batch is another."""

    name = "noise"
    sources = (Source("noise", "1", "CC0-1.0", 64),)

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        self.image_shape: tuple[int, int, int] = image_shape

    def __len__(self) -> int:
        return 64

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        rng = torch.Generator().manual_seed(1000 * seed + index)
        texts = tuple(CAPTIONS[number % 2] for number in range(size))
        images = torch.rand(size, *self.image_shape, generator=rng) * 2 - 1
        labels = torch.randint(CLASSES, (size,), generator=rng)
        return Batch(images, texts, labels, torch.randn(size, TEACHER, generator=rng))


def tiny(family: str) -> dict[str, Any]:
    return to_dict(import_module(f"figment.families.{family}").TINY)


@cache
def lively(family: str) -> GenerativeModel[Any]:
    """A tiny model none of whose weights is zero, as layers often are at the start."""
    torch.manual_seed(0)
    model = families.build(family, tiny(family))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


ASKED: dict[str, Any] = {
    "prompts": CAPTIONS,
    "negative": "blurry",
    "guidance": 2.0,
    "labels": (1, 0),
    "sampler": "Heun",
    "height": 24,
    "width": 24,
    "init": torch.zeros(1, 1, 8, 8),
    "strength": 0.5,
    "mask": torch.ones(1, 1, 8, 8),
}
"""Another value than the default of every optional field of a request."""
OF_SAMPLES = ("prompts", "negative", "labels")
"""What samples are asked for, by the models that can be asked."""


def sampled(model: GenerativeModel[Any], seed: int = 7) -> Tensor:
    asked = {name: ASKED[name] for name in OF_SAMPLES if name in model.honours}
    return finish(model.sample(SampleRequest(count=2, steps=4, **asked), torch.Generator().manual_seed(seed)))


def test_it_explains_its_loss_its_weakness_and_where_it_comes_from(family: str) -> None:
    text = families.about(family)
    assert re.search(r"^Loss", text, re.MULTILINE)
    assert "Known weakness" in text
    assert re.search(r"\b(19|20)\d\d\b", text)


def test_it_is_explained_in_korean_as_in_english(family: str) -> None:
    english, korean = families.about(family), families.about(family, "ko")
    wanted = f"korean/{family}.txt is to be written for the English text {families.digest(english)}"
    assert len(re.findall("[가-힣]", korean)) > 100, wanted
    for kept in (r"(?:19|20)\d\d[ab]?(?!\d)", r"`[^`]+`", r'"[^"]+"', r"^    \w+", r"\n\n"):
        assert sorted(re.findall(kept, korean, re.MULTILINE)) == sorted(re.findall(kept, english, re.MULTILINE)), kept


def test_what_it_cannot_honour_is_refused(family: str) -> None:
    model = lively(family)
    assert model.honours <= ASKED.keys()
    for name in ASKED.keys() - model.honours:
        with pytest.raises(InputError, match="cannot be asked for"):
            next(model.sample(SampleRequest(steps=4, **{name: ASKED[name]}), torch.Generator()))


def test_a_model_that_starts_from_pictures_says_so_in_both_ways(family: str) -> None:
    model = lively(family)
    assert isinstance(model, Inpaints) == ({"init", "strength", "mask"} <= model.honours)


def test_samples_have_the_shape_and_range_of_pictures(family: str) -> None:
    model = lively(family)
    pictures = sampled(model)
    assert pictures.shape == (2, *model.image_shape)
    assert pictures.isfinite().all()
    assert pictures.abs().max() <= 1
    assert pictures.std() > 0.01


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(family: str) -> None:
    model = lively(family)
    assert torch.equal(sampled(model), sampled(model))
    assert not torch.equal(sampled(model), sampled(model, seed=8))


def test_sampling_reports_every_step_and_leaves_no_trace(family: str) -> None:
    model = lively(family)
    task = model.sample(SampleRequest(steps=4, preview=True), torch.Generator().manual_seed(0))
    torch.manual_seed(5)
    untouched = torch.get_rng_state()
    first = next(task)
    assert torch.is_grad_enabled()  # a task must not leave gradients switched off between its steps
    assert torch.equal(torch.get_rng_state(), untouched)
    assert first.preview is not None
    assert first.preview.shape == (*model.image_shape[1:], model.image_shape[0])
    rest: list[Progress] = [first]
    finish(task, rest.append)
    assert [progress.step for progress in rest] == list(range(1, rest[-1].total + 1))


def test_losses_are_finite_and_name_an_optimizer_in_every_stage(family: str) -> None:
    torch.manual_seed(0)
    model = families.build(family, tiny(family))
    for stage in model.stages:
        optimizers = model.optimizers(stage)
        losses = list(model.losses(Noise(model.image_shape).batch(0, SIZE), stage))
        assert losses
        named = [(loss.optimizer,) if isinstance(loss.optimizer, str) else loss.optimizer for loss in losses]
        assert {name for names in named for name in names} == set(optimizers)
        for loss in losses:
            assert loss.value.shape == ()
            assert loss.value.isfinite()
            assert loss.value.requires_grad


def test_an_exported_model_samples_the_same(family: str, tmp_path: Path) -> None:
    model = lively(family)
    path = tmp_path / "model.safetensors"
    metadata = Metadata(family, tiny(family), Noise.sources, "test", {"flow": 3}, {"loss": 0.5})
    families.export(model, path, metadata)
    opened, read = families.open_model(path)
    assert read == metadata
    assert torch.equal(sampled(opened), sampled(model))


def test_a_stopped_run_ends_with_the_bytes_of_one_that_was_not(family: str, tmp_path: Path) -> None:
    for _ in in_pieces(family, tmp_path / "whole", stop_every=10**6):
        pass
    stops = sum(1 for _ in in_pieces(family, tmp_path / "stopped", stop_every=STOP_EVERY))
    assert stops >= len(lively(family).stages) * STEPS // STOP_EVERY
    whole, stopped = (tmp_path / name / "model.safetensors" for name in ("whole", "stopped"))
    assert whole.read_bytes() == stopped.read_bytes()


def in_pieces(family: str, folder: Path, stop_every: int) -> Iterator[None]:
    """Train all stages, closing the task and starting anew after every `stop_every` steps; yields at every stop."""
    model = families.build(family, tiny(family))
    stages = tuple(Stage(name, "noise", STEPS, SIZE, warmup=1) for name in model.stages)
    recipe = Recipe("test", family, stages, tiny(family), seed=3)
    while True:
        task = train(recipe, folder, lambda _name, _size: Noise(model.image_shape))
        for _ in range(stop_every):
            if next(task, None) is None:
                return
        task.close()
        yield
