"""Scenes drawn from an endless numbered series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np

from figment.core.errors import DataError
from figment.data.palette import COLOURS, is_paintable
from figment.data.scene import SIDES, WHITE, Ground, Placed, Scene
from figment.data.sprite_pack import SpritePack

__all__ = ["DEFAULT_MIX", "Choices", "Mix", "choices", "pick", "random_ground", "random_scene", "random_sprite", "row"]

COUNTED_GROUPS = {"animals-nature", "food-drink", "travel-places", "activities", "objects"}
"""Groups of things that come in twos and threes."""
T = TypeVar("T")
GAP = 0.03
"""Least distance between two objects, so that rounding to pixels cannot make them overlap."""
Spot = tuple[float, float]
"""Centre of an object as fractions of the picture."""
Layout = tuple[tuple[Placed, ...], str]
"""Objects and their style."""


@dataclass(frozen=True)
class Mix:
    """How often scenes are what."""

    centred: float = 0.65
    """One large object; nothing said of its place. Relative to the next three."""
    placed: float = 0.10
    """One smaller object at a side or in a corner."""
    related: float = 0.15
    """Two different objects beside or above each other."""
    counted: float = 0.10
    """The same object two or three times."""
    recoloured: float = 0.12
    """Share of scenes with a tinted object, where the names allow it."""
    plain: float = 0.35
    """Share of grounds of one colour other than white."""
    gradient: float = 0.15


@dataclass(frozen=True, eq=False)
class Choices:
    """What the scenes of one split may show."""

    concepts: tuple[int, ...]
    countable: tuple[int, ...]
    styles_of: Mapping[int, tuple[str, ...]]
    concepts_of: Mapping[str, tuple[int, ...]]


@lru_cache(maxsize=8)
def choices(pack: SpritePack, held_out: bool) -> Choices:
    """The concepts and styles of a split. Raises DataError when it is empty."""
    styles_of: dict[int, list[str]] = {}
    concepts_of: dict[str, list[int]] = {}
    for concept, style in pack.pairs:
        if pack.sprites[pack.of(concept, style)[0]].held_out == held_out:
            styles_of.setdefault(concept, []).append(style)
            concepts_of.setdefault(style, []).append(concept)
    if not styles_of:
        raise DataError(f"The sprite pack has no {'held-out' if held_out else 'training'} sprites; build a larger one.")
    countable = tuple(concept for concept in styles_of if pack.concepts[concept].group in COUNTED_GROUPS)
    return Choices(
        tuple(styles_of),
        countable or tuple(styles_of),
        {concept: tuple(styles) for concept, styles in styles_of.items()},
        {style: tuple(concepts) for style, concepts in concepts_of.items()},
    )


DEFAULT_MIX = Mix()


def random_scene(pack: SpritePack, seed: int, number: int, *, mix: Mix = DEFAULT_MIX, held_out: bool = False) -> Scene:
    """Scene `number` of the series that `seed` names; its (concept, style) pairs all come from one split.

    Concepts are equally likely, then styles, then skin tones.
    """
    rng = np.random.default_rng((seed, number))
    drawn = choices(pack, held_out)
    layouts = (_centred, _placed, _related, _counted)
    shares = np.cumsum([mix.centred, mix.placed, mix.related, mix.counted])
    layout = layouts[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]
    objects, style = layout(pack, drawn, rng)
    ground = random_ground(rng, mix)
    if rng.random() < mix.recoloured:
        objects = _recoloured(pack, objects, ground, rng)
    return Scene(objects, ground, style)


def random_ground(rng: np.random.Generator, mix: Mix = DEFAULT_MIX) -> Ground:
    """A white, plain or graded ground."""
    draw = rng.random()
    if draw < mix.plain:
        return Ground(pick(rng, [name for name in COLOURS if name != WHITE.colour]))
    if draw < mix.plain + mix.gradient:
        first, second = rng.permutation(len(COLOURS))[:2]
        names = list(COLOURS)
        return Ground(names[first], names[second])
    return WHITE


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of `options`, all equally likely."""
    return options[int(rng.integers(len(options)))]


def random_sprite(pack: SpritePack, drawn: Choices, rng: np.random.Generator) -> tuple[int, int, str]:
    """Concept, sprite and style: concepts are equally likely, then styles, then skin tones."""
    concept = pick(rng, drawn.concepts)
    style = pick(rng, drawn.styles_of[concept])
    return concept, pick(rng, pack.of(concept, style)), style


def _centred(pack: SpritePack, drawn: Choices, rng: np.random.Generator) -> Layout:
    concept, sprite, style = random_sprite(pack, drawn, rng)
    size = rng.uniform(0.72, 0.85)
    slack = (1 - size) / 4
    x, y = 0.5 + rng.uniform(-slack, slack), 0.5 + rng.uniform(-slack, slack)
    return (Placed(sprite, concept, x, y, size),), style


def _placed(pack: SpritePack, drawn: Choices, rng: np.random.Generator) -> Layout:
    concept, sprite, style = random_sprite(pack, drawn, rng)
    size = rng.uniform(0.36, 0.48)
    side = pick(rng, tuple(SIDES.values()))
    reach = 0.5 - size / 2 - rng.uniform(0.02, 0.06)
    x, y = (0.5 + step * reach if step else 0.5 + rng.uniform(-0.05, 0.05) for step in side)
    return (Placed(sprite, concept, x, y, size),), style


def _related(pack: SpritePack, drawn: Choices, rng: np.random.Generator) -> Layout:
    concept, sprite, style = random_sprite(pack, drawn, rng)
    others = [other for other in drawn.concepts_of[style] if other != concept]
    if not others:
        return _counted(pack, drawn, rng)
    other = pick(rng, others)
    spots = row(2, size := rng.uniform(0.38, 0.46), rng, upright=bool(rng.integers(2)))
    (x, y), (u, v) = (spots[number] for number in rng.permutation(2))
    neighbour = Placed(pick(rng, pack.of(other, style)), other, u, v, size)
    return (Placed(sprite, concept, x, y, size), neighbour), style


def _counted(pack: SpritePack, drawn: Choices, rng: np.random.Generator) -> Layout:
    concept = pick(rng, drawn.countable)
    style = pick(rng, drawn.styles_of[concept])
    sprite = pick(rng, pack.of(concept, style))
    upright = bool(rng.integers(2))
    shape = int(rng.integers(4))  # two in a row twice as often as each layout of three
    if shape < 2:
        size, spots = 0.44, row(2, 0.44, rng, upright=upright)
    elif shape == 2:
        size, spots = 0.3, row(3, 0.3, rng, upright=upright)
    else:
        size, spots = 0.44, trio(rng)
    return tuple(Placed(sprite, concept, x, y, size) for x, y in spots), style


def _recoloured(
    pack: SpritePack, objects: tuple[Placed, ...], ground: Ground, rng: np.random.Generator
) -> tuple[Placed, ...]:
    """Tint one object, or all of a counted group, in a colour that the ground does not have."""
    colour = pick(rng, [name for name in COLOURS if name not in (ground.colour, ground.second)])
    concept = pick(rng, objects).concept
    if not is_paintable(pack.concepts[concept]):
        return objects
    return tuple(replace(placed, colour=colour) if placed.concept == concept else placed for placed in objects)


def row(count: int, size: float, rng: np.random.Generator, *, upright: bool) -> list[Spot]:
    """Places for `count` objects side by side, or one above the other when `upright`; their squares do not touch."""
    slot = 1 / count
    slack = max(slot - size - GAP, 0) / 2
    along = [(number + 0.5) * slot + rng.uniform(-slack, slack) for number in range(count)]
    across = [0.5 + rng.uniform(-0.1, 0.1) for _ in range(count)]
    return [(b, a) if upright else (a, b) for a, b in zip(along, across, strict=True)]


def trio(rng: np.random.Generator) -> list[Spot]:
    """Places for three objects of up to 0.44 in a triangle."""
    flip = bool(rng.integers(2))
    spots = [(0.5, 0.26), (0.26, 0.74), (0.74, 0.74)]
    return [(x, 1 - y) for x, y in spots] if flip else spots
