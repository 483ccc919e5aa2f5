"""Captions: what a scene shows, in English or Korean, said in one of several ways.

What is said follows from the scene alone, so a caption is true of any scene. A ground that is not named is white.
"""

import re
from collections.abc import Callable
from typing import Literal

import numpy as np

from figment.data import nouns
from figment.data.palette import COLOURS
from figment.data.scene import WHITE, Ground, Placed, Position, Relation, Scene, position, relation
from figment.data.sprite_pack import Concept, SpritePack

__all__ = ["Language", "caption", "ground_english", "ground_korean", "place_name", "relation_name", "style_name"]

Language = Literal["en", "ko"]
Name = Callable[[Concept, str | None], str]

STYLE_SAID = 0.6
TAG_SAID = 0.2
"""How often a single object is called by one of its keywords."""

STYLES = {
    "noto": ("Noto style", "노토 스타일"),
    "fluent": ("Fluent style", "플루언트 스타일"),
    "flat": ("flat style", "플랫 스타일"),
    "twemoji": ("Twemoji style", "트웨모지 스타일"),
    "3d": ("3D style", "3D 스타일"),
    "openmoji": ("OpenMoji style", "오픈모지 스타일"),
}
PLACES: dict[Position, tuple[str, str]] = {
    "centre": ("in the centre", "가운데"),
    "left": ("on the left", "왼쪽"),
    "right": ("on the right", "오른쪽"),
    "top": ("at the top", "위쪽"),
    "bottom": ("at the bottom", "아래쪽"),
    "top left": ("in the top left corner", "왼쪽 위"),
    "top right": ("in the top right corner", "오른쪽 위"),
    "bottom left": ("in the bottom left corner", "왼쪽 아래"),
    "bottom right": ("in the bottom right corner", "오른쪽 아래"),
}
RELATIONS: dict[Relation, tuple[tuple[str, ...], str]] = {
    "left": (("on the left of", "to the left of", "left of"), "왼쪽에"),
    "right": (("on the right of", "to the right of", "right of"), "오른쪽에"),
    "above": (("above",), "위에"),
    "below": (("below", "under"), "아래에"),
}
LARGE = 0.6
"""An object at least so large fills the picture: nothing is said of its place."""
TAG = re.compile(r"[a-z][a-z ]{2,}|[가-힣][가-힣 ]+")
COLOUR_TAG = re.compile(
    rf"\b({'|'.join(COLOURS)})\b|빨간|빨강|주황|노란|노랑|초록|녹색|파란|파랑|보라|분홍|핑크|갈색|검은|검정|하얀|흰색|회색"
)


def caption(scene: Scene, pack: SpritePack, language: Language, seed: int) -> str:
    """What `scene` shows; the seed chooses between ways to say it and whether its style is said."""
    rng = np.random.default_rng(seed)
    style = style_name(scene.style, language) if rng.random() < STYLE_SAID else ""
    if language == "en":
        return _english(_objects_english(scene, pack, rng), ground_english(scene.ground), style, rng)
    return _korean(_objects_korean(scene, pack, rng), ground_korean(scene.ground), style, rng)


def style_name(style: str, language: Language) -> str:
    """How captions call a style; one that has no name of its own is called by its identifier."""
    english, korean = STYLES.get(style, (f"{style} style", f"{style} 스타일"))
    return english if language == "en" else korean


def place_name(place: Position, language: Language) -> str:
    """ "on the left", "왼쪽"."""
    english, korean = PLACES[place]
    return english if language == "en" else korean


def relation_name(found: Relation, language: Language) -> str:
    """ "on the left of", "왼쪽에"."""
    english, korean = RELATIONS[found]
    return english[0] if language == "en" else korean


def ground_english(ground: Ground) -> str:
    """ "blue background"; empty for white, of which nothing is said."""
    if ground == WHITE:
        return ""
    if ground.second is None:
        return f"{ground.colour} background"
    return f"{ground.colour} to {ground.second} gradient background"


def ground_korean(ground: Ground) -> str:
    """ "파란 배경"; empty for white, of which nothing is said."""
    if ground == WHITE:
        return ""
    first = COLOURS[ground.colour]
    if ground.second is None:
        return f"{first.korean} 배경"
    second = nouns.with_particle(COLOURS[ground.second].korean_noun, "으로", "로")
    return f"{first.korean_noun}에서 {second} 변하는 배경"


def _english(objects: str, ground: str, style: str, rng: np.random.Generator) -> str:
    before, after = list[str](), list[str]()
    if style and rng.random() < 0.3:
        objects += f" in {style}"
    elif style:
        (before if rng.random() < 0.2 else after).append(style)
    if ground and rng.random() < 0.4:
        objects += f" on {nouns.with_article(ground)}"
    elif ground:
        (before if rng.random() < 0.2 else after).insert(0, ground)
    return ", ".join([*before, objects, *after])


def _korean(objects: str, ground: str, style: str, rng: np.random.Generator) -> str:
    before, after = list[str](), list[str]()
    if ground and rng.random() < 0.4:
        at_a_place = objects.split(" ")[0] in {"왼쪽", "오른쪽", "왼쪽에", "오른쪽에", "위쪽에", "아래쪽에"}
        objects = f"{ground} {objects}" if at_a_place else f"{ground}에 {objects}"
    elif ground:
        (before if rng.random() < 0.4 else after).append(ground)
    if style:
        (before if rng.random() < 0.3 else after).append(style)
    return ", ".join([*before, objects, *after])


def _objects_english(scene: Scene, pack: SpritePack, rng: np.random.Generator) -> str:
    article = nouns.with_article if rng.random() < 0.5 else str
    first, *others = scene.objects
    if not others:
        concept = pack.concepts[first.concept]
        return _single_english(first, article(_word(concept, concept.tags_en, nouns.english, first, rng)), rng)
    if _all_alike(scene):
        noun = nouns.english(pack.concepts[first.concept], first.colour)
        return nouns.counted_english(noun, len(scene.objects))
    if len(others) == 1:
        subject, anchor = (first, others[0]) if rng.random() < 0.5 else (others[0], first)
        said = RELATIONS[relation(subject, anchor)][0]
        names = [article(nouns.english(pack.concepts[each.concept], each.colour)) for each in (subject, anchor)]
        return f"{names[0]} {said[int(rng.integers(len(said)))]} {names[1]}"
    names = [article(nouns.english(pack.concepts[each.concept], each.colour)) for each in scene.objects]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _objects_korean(scene: Scene, pack: SpritePack, rng: np.random.Generator) -> str:
    first, *others = scene.objects
    if not others:
        concept = pack.concepts[first.concept]
        return _single_korean(first, _word(concept, concept.tags_ko, nouns.korean, first, rng), rng)
    names = [nouns.korean(pack.concepts[each.concept], each.colour) for each in scene.objects]
    if _all_alike(scene):
        return nouns.counted_korean(names[0], pack.concepts[first.concept], len(names))
    if len(others) == 1:
        subject, anchor = (0, 1) if rng.random() < 0.5 else (1, 0)
        where = RELATIONS[relation(scene.objects[subject], scene.objects[anchor])][1]
        said = where if rng.random() < 0.6 else f"{where} 있는"
        return f"{names[anchor]} {said} {names[subject]}"
    return ", ".join(names)


def _single_english(placed: Placed, noun: str, rng: np.random.Generator) -> str:
    if placed.size >= LARGE:
        return noun
    place = PLACES[position(placed)][0]
    return f"{place}, {noun}" if rng.random() < 0.2 else f"{noun} {place}"


def _single_korean(placed: Placed, noun: str, rng: np.random.Generator) -> str:
    if placed.size >= LARGE:
        return noun
    place = PLACES[position(placed)][1]
    return f"{place}에 {noun}" if rng.random() < 0.6 else f"{place}에 있는 {noun}"


def _word(concept: Concept, tags: tuple[str, ...], name: Name, placed: Placed, rng: np.random.Generator) -> str:
    """The concept's name, or now and then a keyword; keywords that are colours could be untrue of a tinted object."""
    usable = [tag for tag in tags if TAG.fullmatch(tag) and not COLOUR_TAG.search(tag)]
    if placed.colour is not None or not usable or rng.random() >= TAG_SAID:
        return name(concept, placed.colour)
    return usable[int(rng.integers(len(usable)))]


def _all_alike(scene: Scene) -> bool:
    return len({(placed.concept, placed.colour) for placed in scene.objects}) == 1
