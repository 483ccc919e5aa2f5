"""What the pictures are asked for: scenes that put one ability to the test, with captions that say all of it."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

from figment.data.grammar import Language, caption, style_name
from figment.data.nouns import english, korean
from figment.data.scene import Scene
from figment.data.scenes import Mix, random_scene
from figment.data.sprite_pack import SpritePack

__all__ = ["CATEGORIES", "SINGLE", "Case", "Category", "cases"]


@dataclass(frozen=True)
class Category:
    """A kind of scene."""

    name: str
    mix: Mix
    fits: Callable[[Scene], bool] = lambda _: True
    """Whether a scene of the mix is of use."""
    says_style: bool = False


@dataclass(frozen=True)
class Case:
    """A scene and the prompt for it."""

    scene: Scene
    text: str


SINGLE = Category("single concept", Mix(1, 0, 0, 0, recoloured=0, plain=0, gradient=0))
CATEGORIES = (
    Category("object", Mix(0.4, 0.2, 0.3, 0.1, recoloured=0)),
    Category("count", Mix(0, 0, 0, 1, recoloured=0)),
    Category("position: place", Mix(0, 1, 0, 0, recoloured=0)),
    Category("position: relation", Mix(0, 0, 1, 0, recoloured=0)),
    Category("colour: object", Mix(0.5, 0.3, 0, 0.2, recoloured=1), lambda scene: scene.objects[0].colour is not None),
    Category("colour: ground", Mix(0.5, 0.2, 0.15, 0.15, recoloured=0, plain=0.7, gradient=0.3)),
    Category("style", Mix(0.5, 0.2, 0.2, 0.1, recoloured=0), says_style=True),
)
"""Position and colour are asked in two ways; each has half of their prompts."""


def cases(pack: SpritePack, category: Category, total: int, seed: int, *, held_out: bool = False) -> list[Case]:
    """The first `total` cases of a category: English and Korean in turn, from one split of the pack."""
    return list(islice(_endless(pack, category, seed, held_out), total))


def _endless(pack: SpritePack, category: Category, seed: int, held_out: bool) -> Iterator[Case]:
    series = zlib.crc32(f"{seed} {category.name}".encode())  # other concepts in every category
    scenes = (random_scene(pack, series, number, mix=category.mix, held_out=held_out) for number in count())
    for number, scene in enumerate(filter(category.fits, scenes)):
        language: Language = "ko" if number % 2 else "en"
        yield Case(scene, _text(scene, pack, language, category.says_style))


def _text(scene: Scene, pack: SpritePack, language: Language, says_style: bool) -> str:
    """The first caption that calls the objects of `scene` by name, not by a keyword, and says the style if asked."""
    name = english if language == "en" else korean
    wanted = [name(pack.concepts[placed.concept], placed.colour) for placed in scene.objects]
    if len(set(wanted)) < len(wanted):
        wanted = []  # counted objects stand in the plural and never go by a keyword
    if says_style:
        wanted.append(style_name(scene.style, language))
    captions = (caption(scene, pack, language, seed) for seed in count())
    return next(text for text in captions if all(word in text for word in wanted))
