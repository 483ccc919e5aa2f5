"""The judge of sprites: what it is trained on, and the pictures that it is shown."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.core.task import Progress, finish
from figment.data.scene import WHITE, Placed, Scene
from figment.data.scene_render import render
from figment.data.scenes import Choices, choices, random_ground, random_sprite
from figment.data.sprite_pack import SpritePack
from figment.metrics.judge import Example, Judge, JudgeSizes, open_judge, save_judge, train_judge
from figment.metrics.oracle import cut_out
from figment.pixels.arrays import to_signed
from figment.training.device import pays_in_bfloat16

__all__ = ["SIDE", "ready_judge", "sprite_examples", "stacked"]

SIDE = 64
"""Pixels of the pictures that the judge sees."""
BATCH = 128
EASY = 0.5
"""Share of the training in which the sprites turn from centred ones on white into all that a scene may hold."""


def ready_judge(pack: SpritePack, path: Path, device: torch.device, *, steps: int, seed: int) -> Judge:
    """The judge saved at `path`, or a new one, trained on the training sprites of `pack` and saved there."""
    if path.is_file():
        return open_judge(path).to(device)
    torch.manual_seed(seed)
    judge = Judge(JudgeSizes(len(pack.concepts), len(pack.styles), side=SIDE)).to(device)
    examples = sprite_examples(pack, seed, steps)
    task = train_judge(judge, examples, steps, bfloat16=pays_in_bfloat16(device))
    finish(task, _report)
    save_judge(judge, path, steps, pack.sources)
    return judge


def sprite_examples(pack: SpritePack, seed: int, steps: int, batch: int = BATCH) -> Callable[[int], Example]:
    """Batches of training sprites by step, from easy to hard (curriculum learning, Bengio et al. 2009).

    They begin large, in the middle and on white; by `EASY` of `steps` half of them are whole pictures on any ground and
    half are cut out of a scene where they are small.
    """
    drawn = choices(pack, False)

    def examples(step: int) -> Example:
        rng = np.random.default_rng((seed, step))
        variety = min(1.0, step / max(1.0, EASY * steps))
        scenes = [_alone(pack, drawn, variety, rng) for _ in range(batch)]
        images = stacked([_shown(scene, pack, cut=rng.random() < variety / 2) for scene in scenes])
        concepts = torch.tensor([scene.objects[0].concept for scene in scenes])
        return Example(images, concepts, torch.tensor([pack.styles.index(scene.style) for scene in scenes]))

    return examples


def stacked(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """(B, 3, H, W) in [-1, 1] of pictures (H, W, 3)."""
    return torch.from_numpy(np.stack([to_signed(picture) for picture in pictures]))


def _alone(pack: SpritePack, drawn: Choices, variety: float, rng: np.random.Generator) -> Scene:
    """One untinted sprite: of 0.8 of a white picture, in its middle, for no variety; of 0.6 to 1 of the picture,
    anywhere in it, on the grounds that scenes have, for a variety of 1."""
    concept, sprite, style = random_sprite(pack, drawn, rng)
    size = rng.uniform(0.8 - 0.2 * variety, 0.8 + 0.2 * variety)
    slack = variety * (1 - size) / 2
    x, y = rng.uniform(0.5 - slack, 0.5 + slack, 2)
    ground = random_ground(rng) if rng.random() < variety else WHITE
    return Scene((Placed(sprite, concept, float(x), float(y), size),), ground, style)


def _shown(scene: Scene, pack: SpritePack, *, cut: bool) -> NDArray[np.uint8]:
    """The scene as it is, or its object cut out as the oracle would: in these pixels it is as small as in a scene."""
    rendered = render(scene, pack, SIDE)
    mask = rendered.masks[0] > 127
    return cut_out(rendered.image, mask, SIDE) if cut and mask.any() else rendered.image


def _report(progress: Progress) -> None:
    if progress.step % 100 == 0:
        print(f"judge {progress.step}/{progress.total}", *(f"{k} {v:.2f}" for k, v in progress.metrics.items()))
