"""Metadata: ours goes in and comes out, that of others is read, and nothing in it can do harm."""

import io
import json
import struct
import zlib
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from tests.trust.conftest import picture, unsigned

from figment.pixels.errors import PixelError
from figment.pixels.files import Format, encode
from figment.trust.containers import Container, container_of, insert_xmp, parts, picture_data
from figment.trust.labels import SourceType
from figment.trust.metadata import MOST_BYTES, Found, describe, read_any
from figment.trust.xmp import AIGC, SOURCE_TYPE, packet, properties

GRAPH = {"1": {"class_type": "KSampler", "inputs": {}}, "2": {"class_type": "VAEDecode"}, "3": 4}
EDITOR = {"nodes": [{"type": "KSampler"}, {"type": "VAEDecode"}, {"type": ["odd"]}]}
NODES = ("KSampler", "VAEDecode")
FORMATS: tuple[Format, ...] = get_args(Format)


def png_with(**texts: str) -> bytes:
    block = PngInfo()
    for keyword, text in texts.items():
        block.add_text(keyword, text)
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "PNG", pnginfo=block)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_with_chunk(name: bytes, body: bytes) -> bytes:
    content = png_with()
    place = next(part.end for part in parts(content, "png") if part.name == b"IHDR")
    return content[:place] + chunk(name, body) + content[place:]


@pytest.mark.parametrize("format", FORMATS)
def test_source_type_and_label_travel(format: Format) -> None:
    label = {"Label": "1", "ContentProducer": "<생성> & co"}
    plain = encode(picture(), format, text="빨간 사과\nSteps: 2")
    content = describe(plain, format, SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, label)
    found = read_any(content, format)
    assert found.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert json.loads(found.aigc) == label
    assert found.parameters == "빨간 사과\nSteps: 2"
    assert found.creator_tool.startswith("Figment ")
    assert picture_data(content, format) == picture_data(plain, format) != ""


@pytest.mark.parametrize("format", FORMATS)
def test_other_programs_find_the_packet(format: Format) -> None:
    with Image.open(io.BytesIO(unsigned(format=format))) as image:
        image.load()
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    content = xmp if isinstance(xmp, bytes) else str(xmp).encode()
    assert properties(content)[SOURCE_TYPE].endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize("lossless", [False, True])
def test_a_plain_webp_picture_gets_room_for_the_packet(lossless: bool) -> None:
    plain = encode(picture(), "webp", lossless=lossless)
    content = describe(plain, "webp", SourceType.ALGORITHMIC_MEDIA)
    assert read_any(content, "webp").source_type == "algorithmicMedia"
    with Image.open(io.BytesIO(content)) as described, Image.open(io.BytesIO(plain)) as before:
        assert described.size == (48, 40)
        assert described.convert("RGB").tobytes() == before.convert("RGB").tobytes()


def test_settings_of_other_generators() -> None:
    assert read_any(png_with(parameters="a cat\nSteps: 20"), "png").parameters == "a cat\nSteps: 20"
    assert read_any(png_with(prompt=json.dumps(GRAPH)), "png").comfyui_nodes == NODES
    assert read_any(png_with(workflow=json.dumps(EDITOR)), "png").comfyui_nodes == NODES
    assert read_any(png_with(AIGC='{"Label":"1"}', Software="NovelAI"), "png") == Found(
        creator_tool="NovelAI", aigc='{"Label":"1"}'
    )


def test_a_graph_in_webp() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = f"workflow:{json.dumps(EDITOR)}"
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "WEBP", exif=exif)
    assert read_any(file.getvalue(), "webp").comfyui_nodes == NODES


def test_source_type_of_other_programs() -> None:
    code = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    description = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Description>{}</rdf:Description></rdf:RDF>'
    )
    for written in (
        f"<I:DigitalSourceType>{code}</I:DigitalSourceType>",
        f'<I:DigitalSourceType rdf:resource="{code}"/>',
    ):
        content = insert_xmp(png_with(), "png", description.format(written).encode())
        assert read_any(content, "png").source_type == "digitalCapture"


def test_entities_are_not_followed() -> None:
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "AAAAAAAAAA"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
        '<x xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" I:DigitalSourceType="t">&b;&f;</x>'
    )
    assert properties(bomb.encode()) == {}


@pytest.mark.parametrize("keyword", [b"parameters", b"XML:com.adobe.xmp", b"prompt"])
def test_a_compressed_bomb_is_passed_over(keyword: bytes) -> None:
    bomb = zlib.compress(bytes(60 * MOST_BYTES), 9)
    for name, head in ((b"zTXt", b"\0\0"), (b"iTXt", b"\0\1\0\0\0")):
        found = read_any(png_with_chunk(name, keyword + head + bomb), "png")
        assert not found
        (note,) = found.passed_over
        assert note.endswith(f"{MOST_BYTES + 1} bytes, and at most {MOST_BYTES} are read")


def test_long_text_is_passed_over_and_the_rest_is_read() -> None:
    content = png_with(parameters="x" * (MOST_BYTES + 1), prompt=json.dumps(GRAPH))
    found = read_any(content, "png")
    assert (found.parameters, found.comfyui_nodes, len(found.passed_over)) == ("", NODES, 1)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "NaN", "[1]", '{"nodes": 1}', '{"1": {"type": {}}}']
)
def test_odd_graphs_are_nothing(text: str) -> None:
    assert read_any(png_with(prompt=text), "png").comfyui_nodes == ()


def test_what_cannot_hold_xmp_says_so() -> None:
    with pytest.raises(PixelError, match="at most 65533 bytes of XMP"):
        insert_xmp(encode(picture(), "jpeg"), "jpeg", bytes(70_000))
    with pytest.raises(PixelError, match="it has no picture data"):
        insert_xmp(b"RIFF\0\0\0\0WEBP", "webp", packet("x", "y"))
    with pytest.raises(PixelError, match="A gif file cannot be given XMP"):
        insert_xmp(b"GIF89a", "gif", packet("x", "y"))


@given(source=st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))), label=st.text(max_size=50))
def test_any_text_survives_the_packet(source: str, label: str) -> None:
    printable = "".join(letter for letter in label if letter.isprintable())
    found = properties(packet(source, "tool", printable))
    assert found[SOURCE_TYPE] == source
    if printable.strip():
        assert found[AIGC] == printable


@settings(deadline=None)
@given(content=st.binary(max_size=400), container=st.sampled_from(get_args(Container)))
def test_no_bytes_crash_the_reader(content: bytes, container: Container) -> None:
    heads = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8", "webp": b"RIFF\0\0\0\0WEBP", "gif": b"GIF89a"}
    whole = heads.get(container, b"") + content
    assert isinstance(read_any(whole, container), Found)
    assert picture_data(whole, container) in ("", picture_data(whole, container))


@settings(deadline=None)
@given(
    payload=st.binary(max_size=300),
    name=st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"eXIf"]),
    keyword=st.sampled_from(
        [b"parameters\0", b"prompt\0", b"XML:com.adobe.xmp\0\0\0\0\0", b"AIGC\0", b"MM\0*\0\0\0\x08", b""]
    ),
)
def test_no_chunk_crashes_the_reader(payload: bytes, name: bytes, keyword: bytes) -> None:
    assert isinstance(read_any(png_with_chunk(name, keyword + payload), "png"), Found)


@settings(deadline=None)
@given(data=st.data(), format=st.sampled_from(FORMATS))
def test_no_mutation_crashes_the_reader(data: st.DataObject, format: Format) -> None:
    content = bytearray(WHOLE.setdefault(format, unsigned(format=format)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    assert isinstance(read_any(cut, format), Found)


WHOLE: dict[Format, bytes] = {}


@pytest.mark.parametrize("head", [b"", b"GIF", b"<svg>", b"%PDF", b"ffconcat version 1.0", b"PK\3\4"])
def test_other_files_are_no_pictures(head: bytes) -> None:
    with pytest.raises(PixelError, match="not a PNG, JPEG, WebP or GIF picture"):
        container_of(head)
