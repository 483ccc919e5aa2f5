"""A pack of captioned sprites: pictures with alpha in one memory-mapped file, beside an index that names them."""

import io
import json
import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figment.core.dataset import Source
from figment.core.errors import DataError

__all__ = ["IMAGES", "INDEX", "MANIFEST", "Concept", "Sprite", "SpritePack"]

INDEX = "index.json"
MANIFEST = "manifest.json"
IMAGES = "sprites.bin"


@dataclass(frozen=True)
class Concept:
    """What a sprite shows, whatever its style and skin tone."""

    id: str
    """Hexcode without variation selectors, or the source's own slug when Unicode has no such emoji."""
    hexcode: str
    """Code points as Unicode writes them, such as "1F34E"; empty when it has none."""
    label_en: str
    label_ko: str
    """Korean name; empty when none is known."""
    tags_en: tuple[str, ...] = ()
    tags_ko: tuple[str, ...] = ()
    group: str = "symbols"
    """Unicode group, such as "animals-nature"."""
    subgroup: str = ""
    """Unicode subgroup, such as "animal-mammal"."""


@dataclass(frozen=True)
class Sprite:
    """One picture of a concept."""

    concept: int
    """Number in `SpritePack.concepts`."""
    style: str
    tone: tuple[int, ...]
    """Skin tones of the people shown, 1 (light) to 5 (dark); empty for the default."""
    held_out: bool
    """Kept from training, with all other sprites of this concept in this style."""
    offset: int
    length: int
    """Bytes of its WebP file inside the images file."""


@dataclass(eq=False)
class SpritePack:
    """An opened pack."""

    size: int
    """Width and height of every sprite in pixels."""
    concepts: tuple[Concept, ...]
    sprites: tuple[Sprite, ...]
    styles: tuple[str, ...]
    sources: tuple[Source, ...]
    images: mmap.mmap
    root: Path
    """Folder it was opened from."""
    _decoded: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._of: dict[tuple[int, str], tuple[int, ...]] = {}
        for number, sprite in enumerate(self.sprites):
            pair = (sprite.concept, sprite.style)
            self._of[pair] = (*self._of.get(pair, ()), number)

    @classmethod
    def open(cls, root: Path) -> "SpritePack":
        """Open the pack in `root`. Raises DataError when there is none, or when it is damaged."""
        if not (root / INDEX).is_file() or not (root / IMAGES).is_file():
            raise DataError(f"There is no sprite pack in {root}; build it with `figment data build sprites`.")
        try:
            return _read(root)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DataError(f"The sprite pack in {root} is damaged ({error}); delete it and build it again.") from error

    def __reduce__(self) -> tuple[Callable[[Path], "SpritePack"], tuple[Path]]:
        """Another process opens the pack anew: a memory map cannot be sent."""
        return SpritePack.open, (self.root,)

    def rgba(self, number: int) -> NDArray[np.uint8]:
        """Sprite `number` as read-only (S, S, 4) sRGB with straight alpha, 0 to 255; kept in memory once decoded."""
        pixels = self._decoded.get(number)
        if pixels is None:
            sprite = self.sprites[number]
            data = self.images[sprite.offset : sprite.offset + sprite.length]
            with Image.open(io.BytesIO(data)) as image:
                pixels = np.asarray(image.convert("RGBA"))
            self._decoded[number] = pixels
        return pixels

    def of(self, concept: int, style: str) -> tuple[int, ...]:
        """Numbers of the sprites of a concept in a style, one per skin tone; empty when the style lacks it."""
        return self._of.get((concept, style), ())

    @property
    def pairs(self) -> tuple[tuple[int, str], ...]:
        """Every (concept, style) that has a sprite."""
        return tuple(self._of)


def _read(root: Path) -> SpritePack:
    index: Mapping[str, Any] = json.loads((root / INDEX).read_text(encoding="utf-8"))
    manifest: Mapping[str, Any] = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    styles = tuple(index["styles"])
    concepts = tuple(
        Concept(**{**entry, "tags_en": tuple(entry["tags_en"]), "tags_ko": tuple(entry["tags_ko"])})
        for entry in index["concepts"]
    )
    sprites = tuple(
        Sprite(concept, styles[style], tuple(tone), bool(held_out), offset, length)
        for concept, style, tone, held_out, offset, length in index["sprites"]
    )
    with (root / IMAGES).open("rb") as file:
        images = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if len(images) != sum(sprite.length for sprite in sprites):
        raise ValueError(f"{IMAGES} has {len(images)} bytes, not those that {INDEX} names")
    sources = tuple(Source(**source) for source in manifest["sources"])
    return SpritePack(index["size"], concepts, sprites, styles, sources, images, root)
