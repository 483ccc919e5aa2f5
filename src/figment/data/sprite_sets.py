"""Data sets made of sprites: single sprites, and composed scenes without end."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.dataset import Batch, Dataset
from figment.core.errors import InputError
from figment.data.grammar import Language, caption
from figment.data.home import data_home
from figment.data.scene import Scene
from figment.data.scene_render import render
from figment.data.scenes import DEFAULT_MIX, Mix, choices, random_scene
from figment.data.sprite_pack import SpritePack
from figment.pixels.arrays import to_signed

__all__ = ["Scenes", "open_scenes", "open_sprites", "single_sprites"]

PACK = "sprites"
"""Folder of the pack in the data home."""
SIZES = (32, 64, 128)
LANGUAGES: tuple[Language, ...] = ("en", "ko")


class Scenes(Dataset):
    """Scenes with captions, half of them English and half Korean; the label is the first object's concept."""

    def __init__(
        self,
        pack: SpritePack,
        image_size: int,
        *,
        held_out: bool = False,
        mix: Mix = DEFAULT_MIX,
        name: str = "scenes",
    ) -> None:
        if image_size not in SIZES:
            raise InputError(f"Scenes are {', '.join(map(str, SIZES))} pixels wide, not {image_size}.")
        choices(pack, held_out)  # raises now, not in the first batch, when the split is empty
        self.pack, self.mix, self.held_out = pack, mix, held_out
        self.name = f"{name}:heldout" if held_out else name
        self.image_size = image_size
        self.image_shape = (3, image_size, image_size)
        self.classes = tuple(concept.label_en for concept in pack.concepts)
        self.sources = pack.sources

    def __len__(self) -> int:
        """Sprites of the split; there is no end of scenes."""
        return sum(sprite.held_out == self.held_out for sprite in self.pack.sprites)

    def scene(self, number: int, seed: int = 0) -> Scene:
        """Scene `number` of the series that `seed` names."""
        return random_scene(self.pack, seed, number, mix=self.mix, held_out=self.held_out)

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        """Batch number `index` of `size` scenes: images, captions and concept numbers."""
        numbers = range(index * size, (index + 1) * size)
        scenes = [self.scene(number, seed) for number in numbers]
        texts = tuple(self.text(scene, number, seed) for scene, number in zip(scenes, numbers, strict=True))
        labels = torch.tensor([scene.objects[0].concept for scene in scenes])
        images = _images([render(scene, self.pack, self.image_size).image for scene in scenes])
        return Batch(images, texts, labels)

    def text(self, scene: Scene, number: int, seed: int = 0) -> str:
        """The caption that scene `number` has in this series."""
        words = int(np.random.default_rng((seed, number, 1)).integers(2**62))
        return caption(scene, self.pack, LANGUAGES[words % 2], words // 2)


def single_sprites(pack: SpritePack, image_size: int, *, held_out: bool = False) -> Scenes:
    """The data set "sprites": one untinted sprite in the middle of every picture."""
    alone = Mix(placed=0, related=0, counted=0, recoloured=0)
    return Scenes(pack, image_size, held_out=held_out, mix=alone, name="sprites")


def open_sprites(root: Path | None = None, image_size: int = 64, held_out: bool = False) -> Scenes:
    """The data set "sprites", or "sprites:heldout", from the pack in `root`. Raises DataError when there is none."""
    return single_sprites(SpritePack.open(root or data_home() / PACK), image_size, held_out=held_out)


def open_scenes(root: Path | None = None, image_size: int = 64, held_out: bool = False) -> Scenes:
    """The data set "scenes", or "scenes:heldout", from the pack in `root`. Raises DataError when there is none."""
    return Scenes(SpritePack.open(root or data_home() / PACK), image_size, held_out=held_out)


def _images(pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.stack([to_signed(picture) for picture in pictures]))
