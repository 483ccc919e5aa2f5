"""Exact edits: two scenes that differ in one thing, the instruction that leads from one to the other, and where."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import DataError
from figment.data import nouns
from figment.data.grammar import place_name, relation_name, style_name
from figment.data.palette import COLOURS, is_paintable
from figment.data.scene import Placed, Position, Scene, position, relation
from figment.data.scene_render import render
from figment.data.scenes import Choices, Mix, choices, pick, random_scene
from figment.data.sprite_pack import SpritePack

__all__ = ["Edit", "Kind", "random_edit"]

Kind = Literal["add", "remove", "replace", "move", "recolour", "restyle"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ATTEMPTS = 64
"""Draws before giving up: a flag cannot be recoloured, and a concept of one style cannot be restyled."""

GOALS: dict[Position, str] = {
    "centre": "to the centre",
    "left": "to the left",
    "right": "to the right",
    "top": "to the top",
    "bottom": "to the bottom",
    "top left": "to the top left corner",
    "top right": "to the top right corner",
    "bottom left": "to the bottom left corner",
    "bottom right": "to the bottom right corner",
}
SINGLE = Mix(related=0, counted=0)
PLACED = Mix(centred=0, placed=1, related=0, counted=0)
RELATED = Mix(centred=0, placed=0, related=1, counted=0)


@dataclass(frozen=True, eq=False)
class Edit:
    """One edit, exact to the pixel."""

    before: Scene
    after: Scene
    instruction_en: str
    instruction_ko: str
    kind: Kind
    mask: NDArray[np.uint8]
    """(H, W): 255 where the two pictures differ, 0 elsewhere."""


@dataclass(frozen=True)
class _Change:
    before: Scene
    after: Scene
    english: str
    korean: str


@dataclass(frozen=True, eq=False)
class _Draw:
    """What every kind of edit is drawn from."""

    pack: SpritePack
    drawn: Choices
    rng: np.random.Generator
    held_out: bool

    def scene(self, mix: Mix) -> Scene:
        seed, number = (int(n) for n in self.rng.integers(2**31, size=2))
        return random_scene(self.pack, seed, number, mix=mix, held_out=self.held_out)

    def english(self, placed: Placed) -> str:
        return nouns.english(self.pack.concepts[placed.concept], placed.colour)

    def korean(self, placed: Placed) -> str:
        return nouns.korean(self.pack.concepts[placed.concept], placed.colour)

    def korean_object(self, placed: Placed) -> str:
        return nouns.with_particle(self.korean(placed), "을", "를")


def random_edit(pack: SpritePack, seed: int, number: int, *, size: int = 128, held_out: bool = False) -> Edit:
    """Edit `number` of the series that `seed` names, with its mask at `size` pixels; kinds are equally likely.

    Raises DataError when the pack is too small for the kind that was drawn.
    """
    rng = np.random.default_rng((seed, number))
    kind = pick(rng, KINDS)
    draw = _Draw(pack, choices(pack, held_out), rng, held_out)
    for _ in range(ATTEMPTS):
        change = MAKERS[kind](draw)
        if change is not None:
            old, new = (render(scene, pack, size).image for scene in (change.before, change.after))
            differs = (old != new).any(2)
            if differs.any():  # two styles can draw a mark alike
                mask = differs.astype(np.uint8) * 255
                return Edit(change.before, change.after, change.english, change.korean, kind, mask)
    raise DataError(f"The sprite pack allows no edit of the kind '{kind}'; build one with more sprites.")


def _add(draw: _Draw) -> _Change | None:
    after = draw.scene(RELATED)
    subject, anchor, *rest = after.objects
    if rest or subject.concept == anchor.concept:
        return None
    where = relation(subject, anchor)
    return _Change(
        replace(after, objects=(anchor,)),
        after,
        f"add {nouns.with_article(draw.english(subject))} {relation_name(where, 'en')} the {draw.english(anchor)}",
        f"{draw.korean(anchor)} {relation_name(where, 'ko')} {draw.korean_object(subject)} 추가해 줘",
    )


def _remove(draw: _Draw) -> _Change | None:
    added = _add(draw)
    if added is None:
        return None
    subject = added.after.objects[0]
    korean = f"{draw.korean_object(subject)} 지워 줘"
    return _Change(added.after, added.before, f"remove the {draw.english(subject)}", korean)


def _replace(draw: _Draw) -> _Change | None:
    before = draw.scene(SINGLE)
    (old,) = before.objects
    others = [concept for concept in draw.drawn.concepts_of[before.style] if concept != old.concept]
    if not others:
        return None
    concept = pick(draw.rng, others)
    new = replace(old, concept=concept, sprite=pick(draw.rng, draw.pack.of(concept, before.style)), colour=None)
    return _Change(
        before,
        replace(before, objects=(new,)),
        f"replace the {draw.english(old)} with {nouns.with_article(draw.english(new))}",
        f"{draw.korean_object(old)} {nouns.with_particle(draw.korean(new), '으로', '로')} 바꿔 줘",
    )


def _move(draw: _Draw) -> _Change | None:
    before, goal = draw.scene(PLACED), draw.scene(PLACED).objects[0]
    (old,) = before.objects
    # The goal lends its place only: clamped, because its own sprite may have been smaller.
    x, y = (min(max(centre, old.size / 2), 1 - old.size / 2) for centre in (goal.x, goal.y))
    new = replace(old, x=x, y=y)
    if position(new) == position(old):
        return None
    return _Change(
        before,
        replace(before, objects=(new,)),
        f"move the {draw.english(old)} {GOALS[position(new)]}",
        f"{draw.korean_object(old)} {nouns.with_particle(place_name(position(new), 'ko'), '으로', '로')} 옮겨 줘",
    )


def _recolour(draw: _Draw) -> _Change | None:
    before = draw.scene(SINGLE)
    (old,) = before.objects
    if not is_paintable(draw.pack.concepts[old.concept]):
        return None
    taken = {old.colour, before.ground.colour, before.ground.second}
    colour = pick(draw.rng, [name for name in COLOURS if name not in taken])
    return _Change(
        before,
        replace(before, objects=(replace(old, colour=colour),)),
        f"make the {draw.english(old)} {colour}",
        f"{draw.korean_object(old)} {nouns.with_particle(COLOURS[colour].korean_noun, '으로', '로')} 칠해 줘",
    )


def _restyle(draw: _Draw) -> _Change | None:
    before = draw.scene(SINGLE)
    (old,) = before.objects
    styles = [style for style in draw.drawn.styles_of[old.concept] if style != before.style]
    if not styles:
        return None
    style, tone = pick(draw.rng, styles), draw.pack.sprites[old.sprite].tone
    same_tone = [n for n in draw.pack.of(old.concept, style) if draw.pack.sprites[n].tone == tone]
    if not same_tone:
        return None
    return _Change(
        before,
        replace(before, objects=(replace(old, sprite=same_tone[0]),), style=style),
        f"change it to {style_name(style, 'en')}",
        f"{nouns.with_particle(style_name(style, 'ko'), '으로', '로')} 바꿔 줘",
    )


MAKERS: dict[Kind, Callable[[_Draw], _Change | None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "recolour": _recolour,
    "restyle": _restyle,
}
