"""A sprite pack small enough for tests, made by the real writer from four drawings."""

import pytest

from figment.core.dataset import Source
from figment.core.task import finish
from figment.data.sprite_collection import Collection, Glyph
from figment.data.sprite_pack import Concept, SpritePack
from figment.data.sprites import is_held_out, write_pack

STYLES = ("flat", "3d")
CONCEPTS = (
    Concept("1f34e", "1F34E", "red apple", "빨간 사과", ("fruit", "red"), ("과일", "빨간"), "food-drink", "food-fruit"),
    Concept("1f408", "1F408", "cat", "고양이", ("pet",), ("야옹",), "animals-nature", "animal-mammal"),
    Concept("1f44b", "1F44B", "waving hand", "흔드는 손", ("hello",), ("안녕",), "people-body", "hand-fingers-open"),
    Concept("1f3f3", "1F3F3", "flag: Utopia", "깃발: 유토피아", (), (), "flags", "country-flag"),
)
SHAPES = (
    '<circle cx="16" cy="18" r="9" fill="#d22"/><rect x="15" y="4" width="2" height="6" fill="#642"/>',
    '<path d="M6 28V6l6 6h8l6-6v22z" fill="#e90"/><circle cx="12" cy="18" r="2"/><circle cx="20" cy="18" r="2"/>',
    '<path d="M10 28V8h3v8h2V6h3v10h2V9h3v19z" fill="#fc4"/>',
    '<path d="M4 4h2v24H4z" fill="#555"/><path d="M6 5h20v12H6z" fill="#27c"/>',
)


def held_out_concept() -> Concept:
    """A concept of which both styles are kept from training, found by the rule itself."""
    names = (f"x{number}" for number in range(100_000))
    identity = next(name for name in names if all(is_held_out(name, style) for style in STYLES))
    return Concept(identity, "", "secret star", "비밀 별", (), (), "objects", "other-object")


def document(shape: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">{shape}</svg>'.encode()


@pytest.fixture(scope="session")
def collection() -> Collection:
    """Five concepts in two styles, the hand in two skin tones as well; the star is held out in both styles."""
    star = '<path d="M16 2l4 10h10l-8 7 3 11-9-7-9 7 3-11-8-7h10z" fill="#fd0"/>'
    shapes = (*SHAPES, star)
    glyphs = [
        Glyph(concept, style, (), document(f'<g opacity="{1 if style == "3d" else 0.8}">{shape}</g>'))
        for style in STYLES
        for concept, shape in enumerate(shapes)
    ]
    glyphs += [Glyph(2, style, (tone,), document(SHAPES[2])) for style in STYLES for tone in (1, 5)]
    source = Source("drawn for the tests", "1", "CC0-1.0", len(glyphs), "https://example.org")
    return Collection((*CONCEPTS, held_out_concept()), tuple(glyphs), (source,))


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory, collection: Collection) -> SpritePack:
    """That collection as a pack of 48-pixel sprites."""
    root = tmp_path_factory.mktemp("sprites")
    finish(write_pack(root, collection, size=48, workers=1))
    return SpritePack.open(root)
