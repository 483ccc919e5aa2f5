from pathlib import Path

import numpy as np
import pytest
import torch

from figment.core.checkpoint import Metadata, save
from figment.core.errors import CheckpointError
from figment.core.task import finish
from figment.data.scene import WHITE, Placed, Scene
from figment.data.scene_render import render
from figment.data.sprite_pack import SpritePack
from figment.metrics.judge import Example, Judge, JudgeSizes, open_judge, save_judge, train_judge
from figment.pixels.arrays import to_signed

SIZES = JudgeSizes(concepts=4, styles=2, width=8, side=32)


def example(pack: SpritePack, seed: int, size: int = 16) -> Example:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(len(pack.sprites), size=size)
    sprites = [pack.sprites[number] for number in numbers]
    scenes = [
        Scene((Placed(int(number), sprite.concept, 0.5, 0.5, rng.uniform(0.8, 1)),), WHITE, sprite.style)
        for number, sprite in zip(numbers, sprites, strict=True)
    ]
    images = torch.from_numpy(np.stack([to_signed(render(scene, pack, 32).image) for scene in scenes]))
    styles = torch.tensor([pack.styles.index(sprite.style) for sprite in sprites])
    return Example(images, torch.tensor([sprite.concept for sprite in sprites]), styles)


@pytest.fixture(scope="module")
def judge(shapes: SpritePack) -> Judge:
    torch.manual_seed(0)
    judge = Judge(SIZES)
    finish(train_judge(judge, lambda step: example(shapes, step), 60))
    return judge


def test_learns_shapes_and_styles(judge: Judge, shapes: SpritePack) -> None:
    unseen = example(shapes, 1000, 64)
    with torch.no_grad():
        concepts, styles = judge(unseen.images)
    assert (concepts.argmax(dim=1) == unseen.concepts).float().mean() > 0.9
    assert (styles.argmax(dim=1) == unseen.styles).float().mean() > 0.9


def test_top_holds_the_likeliest_first(judge: Judge, shapes: SpritePack) -> None:
    unseen = example(shapes, 1001)
    logits = judge(unseen.images)[0]
    assert torch.equal(judge.top(unseen.images, 3), logits.argsort(dim=1, descending=True)[:, :3])


def test_pictures_of_other_sizes_are_brought_to_its_own(judge: Judge, shapes: SpritePack) -> None:
    unseen = example(shapes, 1002)
    large = torch.nn.functional.interpolate(unseen.images, scale_factor=4)
    assert (judge.top(large, 1) == judge.top(unseen.images, 1)).float().mean() > 0.9


def test_opens_what_it_saved(judge: Judge, shapes: SpritePack, tmp_path: Path) -> None:
    save_judge(judge, tmp_path / "judge.safetensors", 60, ())
    unseen = example(shapes, 1003)
    again = open_judge(tmp_path / "judge.safetensors")
    assert torch.equal(again(unseen.images)[0], judge(unseen.images)[0])


def test_refuses_the_weights_of_something_else(tmp_path: Path) -> None:
    save(tmp_path / "other.safetensors", {"w": torch.zeros(1)}, Metadata("gan", {}))
    with pytest.raises(CheckpointError, match="'gan', not a judge"):
        open_judge(tmp_path / "other.safetensors")
