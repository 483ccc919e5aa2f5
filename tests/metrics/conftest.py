import io
import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from figment.data.sprite_pack import IMAGES, INDEX, MANIFEST, SpritePack

SIDE = 64
STYLES = ("filled", "striped")
SHAPES = ("disc", "square", "triangle", "exclamation mark")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> SpritePack:
    """A pack of four shapes in two styles; an exclamation mark is made of two parts that do not touch."""
    root = tmp_path_factory.mktemp("shapes")
    files = [_file(_drawn(shape, style)) for shape in SHAPES for style in STYLES]
    starts = [sum(len(file) for file in files[:number]) for number in range(len(files))]
    sprites = [
        [number // 2, number % 2, [], False, start, len(file)]
        for number, (start, file) in enumerate(zip(starts, files, strict=True))
    ]
    concepts = [_concept(shape) for shape in SHAPES]
    index = {"size": SIDE, "styles": STYLES, "concepts": concepts, "sprites": sprites}
    _write(root, index, b"".join(files))
    return SpritePack.open(root)


def _drawn(shape: str, style: str) -> Image.Image:
    image = Image.new("RGBA", (SIDE, SIDE))
    draw = ImageDraw.Draw(image)
    ink = (0, 130, 140, 255)
    match shape:
        case "disc":
            draw.ellipse((3, 3, 60, 60), ink)
        case "square":
            draw.rectangle((5, 5, 58, 58), ink)
        case "triangle":
            draw.polygon([(32, 4), (3, 59), (60, 59)], ink)
        case "exclamation mark":
            draw.rectangle((24, 3, 39, 42), ink)
            draw.ellipse((24, 47, 38, 61), ink)
    if style == "striped":
        stripes = Image.new("RGBA", image.size, (90, 60, 10, 255))
        mask = Image.new("L", image.size)
        for row in range(0, SIDE, 8):
            ImageDraw.Draw(mask).rectangle((0, row, SIDE, row + 3), 255)
        striped = Image.composite(stripes, image, mask)
        striped.putalpha(image.getchannel("A"))
        return striped
    return image


def _file(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "WEBP", lossless=True)
    return content.getvalue()


def _concept(name: str) -> dict[str, object]:
    labels = {"id": name, "hexcode": "", "label_en": name, "label_ko": "", "tags_en": [], "tags_ko": []}
    return {**labels, "group": "objects", "subgroup": ""}


def _write(root: Path, index: dict[str, object], images: bytes) -> None:
    (root / INDEX).write_text(json.dumps(index), encoding="utf-8")
    (root / MANIFEST).write_text(json.dumps({"sources": []}), encoding="utf-8")
    (root / IMAGES).write_bytes(images)
