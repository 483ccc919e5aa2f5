"""What a picture says of itself in plain metadata: anybody can write it and anybody can take it away.

Read are the "parameters" of AUTOMATIC1111's web UI (which Figment writes as well), the graphs of ComfyUI, the IPTC
digital source type, and the AIGC field of China's GB 45438-2025. Nothing read is trusted, followed or run, and
nothing over `MOST_BYTES` is read.
"""

import json
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from PIL import ExifTags, Image

from figment import __version__
from figment.trust.containers import JPEG_XMP, PNG_XMP, Container, insert_xmp, parts
from figment.trust.labels import SourceType
from figment.trust.xmp import AIGC, CREATOR_TOOL, SOURCE_TYPE, packet, properties

__all__ = ["MOST_BYTES", "Found", "describe", "read_any"]

MOST_BYTES = 1 << 20
"""Longest single piece of metadata that is read."""
MOST_NODES = 50
"""Most kinds of ComfyUI nodes that are named."""

_NEWS_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_EXIF_HEADER = b"Exif\0\0"
_UNICODE, _ASCII = b"UNICODE\0", b"ASCII\0\0\0"
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
)


@dataclass(frozen=True)
class Found:
    """Plain metadata of one file; empty where there is none."""

    parameters: str = ""
    """Generation settings as text, in AUTOMATIC1111's form or any other."""
    comfyui_nodes: tuple[str, ...] = ()
    """Kinds of nodes in a ComfyUI graph, sorted."""
    source_type: str = ""
    """IPTC digital source type: the code if it is one, else what stands there."""
    creator_tool: str = ""
    """Program that says it made the file."""
    aigc: str = ""
    """JSON text of the AIGC label."""
    passed_over: tuple[str, ...] = ()
    """What was not read, and why."""

    def __bool__(self) -> bool:
        return any((self.parameters, self.comfyui_nodes, self.source_type, self.creator_tool, self.aigc))


def describe(
    encoded: bytes, container: Container, source_type: SourceType, aigc: Mapping[str, str] | None = None
) -> bytes:
    """The picture file `encoded` with an XMP packet that names its source type, and the AIGC label if one is given.

    To be done before signing, which covers it. Raises PixelError where the format cannot hold it.
    """
    label = json.dumps(dict(aigc), ensure_ascii=False) if aigc else ""
    return insert_xmp(encoded, container, packet(source_type.uri, f"Figment {__version__}", label))


def read_any(encoded: bytes, container: Container) -> Found:
    """Metadata of a PNG, JPEG or WebP file, however damaged or hostile; of other files nothing."""
    found = Found()
    for name, content in _pieces(encoded, container):
        if len(content) > MOST_BYTES:
            note = f"{name}: {len(content)} bytes, and at most {MOST_BYTES} are read"
            found = replace(found, passed_over=(*found.passed_over, note))
        else:
            found = _merged(found, _interpreted(name, content))
    return found


def _merged(one: Found, other: Found) -> Found:
    """Of every field what came first."""
    return Found(
        one.parameters or other.parameters,
        one.comfyui_nodes or other.comfyui_nodes,
        one.source_type or other.source_type,
        one.creator_tool or other.creator_tool,
        one.aigc or other.aigc,
        (*one.passed_over, *other.passed_over),
    )


def _interpreted(name: str, content: bytes) -> Found:
    match name:
        case "XMP":
            return _from_xmp(properties(content))
        case "EXIF":
            return _from_exif(content)
        case "parameters":
            return Found(parameters=_text(content))
        case "prompt" | "workflow":
            return Found(comfyui_nodes=_nodes(_text(content)))
        case "AIGC":
            return Found(aigc=_text(content))
        case "Software":
            return Found(creator_tool=_text(content))
        case _:
            return Found()


def _pieces(encoded: bytes, container: Container) -> Iterator[tuple[str, bytes]]:
    """Named pieces of metadata; one that is too long is given as it is, to be counted."""
    for part in parts(encoded, container):
        match container, part.name:
            case "png", b"tEXt" | b"zTXt" | b"iTXt":
                yield _png_text(part.name, part.payload)
            case "png", b"eXIf":
                yield "EXIF", bytes(part.payload)
            case "jpeg", b"\xff\xe1" if bytes(part.payload[: len(JPEG_XMP)]) == JPEG_XMP:
                yield "XMP", bytes(part.payload[len(JPEG_XMP) :])
            case "jpeg", b"\xff\xe1" if bytes(part.payload[:6]) == _EXIF_HEADER:
                yield "EXIF", bytes(part.payload[6:])
            case "webp", b"EXIF":
                yield "EXIF", bytes(part.payload).removeprefix(_EXIF_HEADER)
            case "webp", b"XMP ":
                yield "XMP", bytes(part.payload)
            case _:
                pass


def _png_text(kind: bytes, payload: memoryview) -> tuple[str, bytes]:
    """Keyword and content of a text chunk (PNG 3rd edition, section 11.3.3)."""
    keyword, _, rest = bytes(payload).partition(b"\0")
    compressed = False
    if kind == b"zTXt":
        compressed, rest = True, rest[1:]
    elif kind == b"iTXt":
        compressed, rest = rest[:1] == b"\1", rest[2:]
        rest = rest.partition(b"\0")[2].partition(b"\0")[2]  # language tag and translated keyword
    content = _inflated(rest) if compressed else rest
    if kind != b"iTXt":
        content = content[: MOST_BYTES + 1].decode("latin-1").encode()
    return ("XMP" if keyword == PNG_XMP else keyword.decode("latin-1")), content


def _inflated(content: bytes) -> bytes:
    """`content` decompressed, as far as it goes and at most one byte more than is read."""
    try:
        return zlib.decompressobj().decompress(content, MOST_BYTES + 1)
    except zlib.error:
        return b""


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\0", "")


def _from_xmp(found: Mapping[str, str]) -> Found:
    source = found.get(SOURCE_TYPE, "").strip()
    return Found(
        source_type=source.replace("https://", "http://").removeprefix(_NEWS_CODES),
        creator_tool=found.get(CREATOR_TOOL, "").strip(),
        aigc=found.get(AIGC, "").strip(),
    )


def _from_exif(content: bytes) -> Found:
    """UserComment (AUTOMATIC1111, Figment), and Make and Model, where ComfyUI keeps its graphs in WebP."""
    exif = Image.Exif()
    try:
        with warnings.catch_warnings(action="ignore"):  # what is damaged is left out
            exif.load(_EXIF_HEADER + content)
            comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
            graphs = [exif.get(tag, "") for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
            software = exif.get(ExifTags.Base.Software, "")
    except _DAMAGE:
        return Found(passed_over=("EXIF: damaged",))
    return Found(
        parameters=_comment(comment),
        comfyui_nodes=next((nodes for graph in graphs if (nodes := _exif_graph(graph))), ()),
        creator_tool=software.strip("\0 ") if isinstance(software, str) else "",
    )


def _comment(comment: object) -> str:
    if isinstance(comment, str):
        return comment.strip("\0 ")
    if not isinstance(comment, bytes):
        return ""
    if comment.startswith(_UNICODE):
        return comment.removeprefix(_UNICODE).decode("utf-16-be", errors="replace")
    return _text(comment.removeprefix(_ASCII)).strip()


def _exif_graph(value: object) -> tuple[str, ...]:
    if not isinstance(value, str):
        return ()
    name, _, graph = value.partition(":")
    return _nodes(graph.strip("\0")) if name.lower() in ("prompt", "workflow") else ()


def _nodes(text: str) -> tuple[str, ...]:
    """Kinds of nodes in a ComfyUI graph, in its API form {id: {class_type}} or its editor form {nodes: [{type}]}."""
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(graph, dict):
        return ()
    listed = graph.get("nodes")
    nodes = listed if isinstance(listed, list) else list(graph.values())
    kinds = [node.get("class_type") or node.get("type") for node in nodes if isinstance(node, dict)]
    return tuple(sorted({kind for kind in kinds if isinstance(kind, str)}))[:MOST_NODES]
