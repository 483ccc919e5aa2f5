"""Concepts, their English and Korean names, and the code points and slugs that stand for them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from figment.data.npm import Archive
from figment.data.sprite_pack import Concept

__all__ = ["Catalogue", "canonical"]

Form = tuple[str, tuple[int, ...]]
"""Concept id and skin tones."""

TONES = {"light": 1, "medium-light": 2, "medium": 3, "medium-dark": 4, "dark": 5}
TONED = re.compile(r"-(medium-light|medium-dark|light|medium|dark)(-skin-tone)?$")
IGNORED = {"fe0f", "e007f"}  # the emoji variation selector and the end of a tag sequence


def canonical(hexcode: str) -> str:
    """A code point sequence as every source would write it: lower case, no selectors, no leading zeros."""
    parts = (part.lstrip("0") for part in hexcode.lower().replace("_", "-").split("-"))
    return "-".join(part for part in parts if part not in IGNORED)


class Catalogue:
    """The concepts of emojibase, and those that picture sets add to them."""

    def __init__(self, names: Archive) -> None:
        english, korean = names.json("en/data.json"), names.json("ko/data.json")
        groups = names.json("meta/groups.json")
        translated = {entry["hexcode"]: entry for entry in korean}
        self._concepts: dict[str, Concept] = {}
        self._forms: dict[str, Form] = {}
        self._slugs: dict[str, Form] = {}
        for entry in english:
            concept = _concept(entry, translated.get(entry["hexcode"], {}), groups)
            self._concepts[concept.id] = concept
            self._forms.update(_forms(concept.id, entry))

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """Every concept known so far."""
        return tuple(self._concepts.values())

    def learn_slugs(self, characters: Mapping[str, str]) -> None:
        """Take over which slug a set uses for which code points."""
        for hexcode, slug in characters.items():
            form = self._forms.get(canonical(hexcode))
            if form is not None:
                self._slugs.setdefault(slug, form)

    def by_hexcode(self, hexcode: str) -> Form:
        """The concept and tones of a code point sequence, which becomes a concept of its own when it is unknown."""
        code = canonical(hexcode)
        return self._forms.get(code) or self._invented(code, code, ())

    def by_slug(self, slug: str) -> Form | None:
        """The concept and tones of a slug, or None when no set uses it for a known emoji."""
        for plain, tones in _untoned(slug):
            if plain in self._slugs:
                concept, toned = self._slugs[plain]
                return concept, (*toned, *tones)
        return None

    def named_by_slug(self, slug: str) -> Form:
        """The same, but an unknown slug becomes a concept with the slug, less its tones, as its English name."""
        *_, (plain, tones) = _untoned(slug)
        return self.by_slug(slug) or self._invented(plain, plain.replace("-", " "), tones)

    def _invented(self, identity: str, label: str, tones: tuple[int, ...]) -> Form:
        self._concepts.setdefault(identity, Concept(identity, "", label, ""))
        return identity, tones


def _untoned(slug: str) -> Iterator[Form]:
    """`slug`, then `slug` with one, two, ... skin tones taken off its end, with the tones taken off."""
    tones: tuple[int, ...] = ()
    yield slug, tones
    while match := TONED.search(slug):
        slug, tones = slug[: match.start()], (TONES[match[1]], *tones)
        yield slug, tones


def _concept(english: Mapping[str, Any], korean: Mapping[str, Any], groups: Mapping[str, Any]) -> Concept:
    return Concept(
        id=canonical(english["hexcode"]),
        hexcode=english["hexcode"],
        label_en=english["label"],
        label_ko=korean.get("label", ""),
        tags_en=tuple(english.get("tags", ())),
        tags_ko=tuple(korean.get("tags", ())),
        group=groups["groups"].get(str(english.get("group")), "symbols"),
        subgroup=groups["subgroups"].get(str(english.get("subgroup")), "alphanum"),
    )


def _forms(identity: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Form]]:
    yield identity, (identity, ())
    for skin in entry.get("skins", ()):
        tone = skin["tone"]
        yield canonical(skin["hexcode"]), (identity, tuple(tone) if isinstance(tone, list) else (tone,))
