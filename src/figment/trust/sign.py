"""Content Credentials (C2PA) put into a picture or clip: the last thing that happens to a file before it is written.

What is signed cannot be changed any more, so that metadata and watermark go in before. Prompts and file names stay
out: credentials travel with the picture to people whom they do not concern.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

from c2pa import Builder, C2paBuilderIntent, C2paDigitalSourceType, C2paError

from figment import __version__
from figment.core.files import write_atomically, write_bytes
from figment.trust.c2pa_session import signing_session
from figment.trust.containers import Container, container_of, picture_data, without_credentials
from figment.trust.credentials import read_credentials
from figment.trust.errors import CredentialsError
from figment.trust.keys import Identity
from figment.trust.labels import LABELS, Ingredient, Provenance

__all__ = ["MIME", "PICTURE", "sidecar_of", "sign", "sign_file", "sign_sidecar"]

MIME: Mapping[Container, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
}
"""Media types of the files that Figment signs."""

PICTURE = "org.figment.picture"
"""Assertion that holds the hash of the picture's own data, to tell a changed picture from a changed wrapping."""


def sign(
    encoded: bytes, format: Literal["png", "jpeg", "webp", "gif"], provenance: Provenance, identity: Identity
) -> bytes:
    """The picture file `encoded` with credentials inside. Raises CredentialsError where it cannot carry them."""
    digest = picture_data(encoded, format)
    assertions = [{"label": PICTURE, "data": {"data_sha256": digest}}] if digest else []
    signed = io.BytesIO()
    _sign(io.BytesIO(encoded), signed, format, provenance, identity, assertions)
    return signed.getvalue()


def sign_file(source: Path, destination: Path, provenance: Provenance, identity: Identity) -> None:
    """Write the MP4 clip `source` to `destination` with credentials inside; they may be the same file.

    Raises CredentialsError where it cannot carry them, OutputError when it cannot be written.
    """

    def write(part: Path) -> None:
        with source.open("rb") as clip, part.open("w+b") as signed:
            _sign(clip, signed, "mp4", provenance, identity, [])

    write_atomically(destination, write)


def sign_sidecar(clip: Path, provenance: Provenance, identity: Identity) -> Path:
    """Write the credentials of the WebM `clip` into the file beside it that adds ".c2pa" to its name.

    The sidecar covers every byte of the clip. Raises CredentialsError, OutputError.
    """
    with clip.open("rb") as file:
        manifest = _sign(file, io.BytesIO(), "webm", provenance, identity, [])
    sidecar = sidecar_of(clip)
    write_bytes(sidecar, manifest)
    return sidecar


def sidecar_of(clip: Path) -> Path:
    """File beside `clip` that holds credentials which its format has no room for."""
    return clip.with_name(f"{clip.name}.c2pa")


def _sign(
    source: BinaryIO,
    signed: BinaryIO,
    container: Container,
    provenance: Provenance,
    identity: Identity,
    assertions: list[dict[str, Any]],
) -> bytes:
    """Manifest of `source`, which is written to `signed` with the manifest inside where the format has room for it."""
    definition = {"title": f"Figment {_kind(container)}", "assertions": [*_assertions(provenance), *assertions]}
    context, signer = signing_session(identity)
    for inputs in (provenance.inputs, _readable_inputs(provenance, identity)):
        try:
            with Builder(definition, context=context) as builder:
                _describe(builder, provenance, inputs)
                if container == "webm":
                    builder.set_no_embed()
                source.seek(0)
                signed.seek(0)
                manifest: bytes = builder.sign(signer, MIME[container], source, signed)
                return manifest
        except C2paError as error:
            failure = error  # perhaps of an input, whose credentials are past keeping
    raise CredentialsError(f"The {_kind(container)} cannot be signed: {failure}.") from failure


def _kind(container: Container) -> str:
    return "clip" if container in ("mp4", "webm") else "picture"


def _assertions(provenance: Provenance) -> list[dict[str, Any]]:
    """Facts in a namespace of our own, so that no reader takes them for something that C2PA defines."""
    facts: dict[str, Any] = {
        "model": {"name": provenance.model, "sha256": provenance.model_sha256} if provenance.model else {},
        "watermark": dict(provenance.watermark),
        "consent": {"sha256": provenance.consent_sha256} if provenance.consent_sha256 else {},
        "inputs": {"sha256": [_sha256(ingredient) for ingredient in provenance.inputs]} if provenance.inputs else {},
    }
    return [{"label": f"org.figment.{name}", "data": data} for name, data in facts.items() if data]


def _sha256(ingredient: Ingredient) -> str:
    with _stream(ingredient) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _readable_inputs(provenance: Provenance, identity: Identity) -> Iterator[Ingredient]:
    """The inputs, those with broken credentials without them and saying so."""
    for ingredient in provenance.inputs:
        with _stream(ingredient) as stream:
            found = read_credentials(stream, MIME[_container(ingredient)], identity.anchors())
        if found.state == "invalid":
            container = _container(ingredient)
            with _stream(ingredient) as stream:
                bare = without_credentials(stream.read(), container)
            yield Ingredient(f"{ingredient.name} (its credentials were damaged)", bare)
        else:
            yield ingredient


def _describe(builder: Builder, provenance: Provenance, inputs: Iterable[Ingredient]) -> None:
    """Intent, ingredients and actions; the library itself writes c2pa.created or c2pa.opened as the first action."""
    label = LABELS[provenance.operation]
    if label.has_parent:
        builder.set_intent(C2paBuilderIntent.EDIT)
    else:
        builder.set_intent(C2paBuilderIntent.CREATE, C2paDigitalSourceType[provenance.source_type.name])
    for number, ingredient in enumerate(inputs):
        described = {
            "title": ingredient.name,
            "relationship": "parentOf" if label.has_parent and number == 0 else "componentOf",
            "label": f"input-{number}",
        }
        with _stream(ingredient) as stream:
            builder.add_ingredient(described, MIME[_container(ingredient)], stream)
    for action in label.actions:
        builder.add_action(_action(action, provenance))


def _action(name: str, provenance: Provenance) -> dict[str, Any]:
    action: dict[str, Any] = {
        "action": name,
        "digitalSourceType": provenance.source_type.uri,
        "softwareAgent": {"name": "Figment", "version": __version__},
    }
    if name == "c2pa.placed":
        placed = [f"input-{number}" for number in range(1, len(provenance.inputs))]
        action["parameters"] = {"ingredientIds": placed}
    return action


def _stream(ingredient: Ingredient) -> io.BytesIO | io.BufferedReader:
    content = ingredient.content
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def _container(ingredient: Ingredient) -> Container:
    with _stream(ingredient) as stream:
        return container_of(stream.read(64))
