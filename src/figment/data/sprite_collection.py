"""All pictures of all sets under one list of concepts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from figment.core.dataset import Source
from figment.data.npm import Archive
from figment.data.sprite_names import Catalogue
from figment.data.sprite_pack import Concept
from figment.data.sprite_sources import SpriteSource

__all__ = ["Collection", "Glyph", "collect"]

Labelled = tuple[str, tuple[int, ...], bytes]
"""Concept id, skin tones and picture."""


@dataclass(frozen=True)
class Glyph:
    """One picture before it is rasterised."""

    concept: int
    """Number in `Collection.concepts`."""
    style: str
    tone: tuple[int, ...]
    art: bytes
    """An SVG document or a WebP file."""


@dataclass(frozen=True)
class Collection:
    """Everything that a pack is made of."""

    concepts: tuple[Concept, ...]
    glyphs: tuple[Glyph, ...]
    sources: tuple[Source, ...]


def collect(names: Archive, sets: Mapping[SpriteSource, Archive]) -> Collection:
    """Join the pictures of `sets` to the concepts of `names`; concepts without a picture are left out.

    Slugs mean the same in every set, so a set with an empty table of code points is joined by the tables of the others.
    """
    catalogue = Catalogue(names)
    vectors = {source: archive for source, archive in sets.items() if "icons.json" in archive.members}
    for archive in vectors.values():
        catalogue.learn_slugs(archive.json("chars.json"))
    labelled = {
        source: list(_vectors(archive, catalogue) if source in vectors else _bitmaps(archive, catalogue))
        for source, archive in sets.items()
    }
    drawn = {concept for pictures in labelled.values() for concept, _, _ in pictures}
    concepts = tuple(concept for concept in catalogue.concepts if concept.id in drawn)
    numbers = {concept.id: number for number, concept in enumerate(concepts)}
    glyphs = tuple(
        Glyph(numbers[concept], source.style, tone, art)
        for source, pictures in labelled.items()
        for concept, tone, art in pictures
    )
    return Collection(concepts, glyphs, tuple(_source(source, len(labelled[source])) for source in sets))


def _source(source: SpriteSource, count: int) -> Source:
    return Source(source.title, source.package.version, source.licence, count, source.url)


def _vectors(archive: Archive, catalogue: Catalogue) -> Iterator[Labelled]:
    """Pictures of an Iconify set. Those it has withdrawn ("hidden") are taken only when their name is a known one."""
    icons = archive.json("icons.json")
    for slug, icon in icons["icons"].items():
        form = catalogue.by_slug(slug) if icon.get("hidden") else catalogue.named_by_slug(slug)
        if form is not None:
            yield *form, _document({**icons, **icon}).encode()


def _bitmaps(archive: Archive, catalogue: Catalogue) -> Iterator[Labelled]:
    """Pictures of a set of WebP files named by code point."""
    for path in sorted(archive.members):
        folder, _, name = path.rpartition("/")
        if folder == "assets" and name.endswith(".webp"):
            concept, tone = catalogue.by_hexcode(name.removesuffix(".webp"))
            yield concept, tone, archive.members[path]


def _document(icon: Mapping[str, Any]) -> str:
    width, height = icon.get("width", 16), icon.get("height", 16)
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} width="{width}" height="{height}" viewBox="{box}">{icon["body"]}</svg>'
