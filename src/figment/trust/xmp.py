"""XMP packets (ISO 16684-1): the small one that Figment writes, and a reader for those of others.

The reader follows no entity and no document type, since a packet comes from anywhere.
"""

from collections.abc import Mapping
from contextlib import suppress
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

__all__ = ["AIGC", "CREATOR_TOOL", "SOURCE_TYPE", "packet", "properties"]

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"
SOURCE_TYPE = f"{_IPTC} DigitalSourceType"
CREATOR_TOOL = f"{_XMP} CreatorTool"
AIGC = f"{_TC260} AIGC"
"""Names of the properties that matter here: namespace and local name."""


def packet(source_type_uri: str, creator_tool: str, aigc: str = "") -> bytes:
    """Packet with the digital source type (an IPTC address), the program, and the AIGC JSON text if there is one."""
    label = f"<TC260:AIGC>{escape(aigc)}</TC260:AIGC>" if aigc else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""'
        f' xmlns:Iptc4xmpExt="{_IPTC}" xmlns:xmp="{_XMP}" xmlns:TC260="{_TC260}"'
        f" Iptc4xmpExt:DigitalSourceType={quoteattr(source_type_uri)} xmp:CreatorTool={quoteattr(creator_tool)}>"
        f"{label}</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    ).encode()


def properties(content: bytes) -> Mapping[str, str]:
    """Simple properties of the packet `content`, by "namespace name"; those read before damage, if it is damaged."""
    reader = _Properties()
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    with suppress(ExpatError, _Refused):  # what was read before the damage is still true of the file
        parser.Parse(content, True)
    return reader.found


class _Refused(Exception):
    """The packet declares a document type, which no XMP packet needs and entity bombs do."""


class _Properties:
    """Collects attributes and text of elements while a packet is parsed."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        for attribute, value in attributes.items():
            self.found.setdefault(attribute, value)
        resource = attributes.get(f"{_RDF} resource")
        if resource is not None:
            self.found.setdefault(name, resource)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open and text.strip():
            name = self._open[-1]
            self.found[name] = self.found.get(name, "") + text

    def refuse(self, *_declaration: object) -> None:
        raise _Refused
