"""The tamper matrix: what is done to a signed picture, and what the report says of it."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.trust.conftest import CREATED, Unmarked, examined, picture, signed, unsigned

from figment.pixels.files import Format, encode, load
from figment.trust.containers import parts
from figment.trust.credentials import Manifest, read_credentials
from figment.trust.keys import Identity
from figment.trust.labels import Ingredient, Operation, Provenance
from figment.trust.sign import MIME, sign
from figment.trust.verify import inspect

BYTES_CHANGED = ("assertion.dataHash.mismatch",)
AROUND = "the picture itself is the one that was signed; something around it was added or changed"


def flipped(content: bytes, place: int, bit: int = 0) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def in_pixels(content: bytes, format: Format) -> int:
    """Somewhere inside what decodes into pixels."""
    names = {"png": b"IDAT", "jpeg": b"scan", "webp": b"VP8 "}
    part = next(part for part in parts(content, format) if part.name == names[format])
    return (part.start + part.end) // 2


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_one_bit_in_the_pixels(identity: Identity, tmp_path: Path, format: Format) -> None:
    content = signed(identity, format=format)
    report = examined(flipped(content, in_pixels(content, format)), tmp_path, identity)
    assert (report.verdict, report.credentials.codes) == ("altered", BYTES_CHANGED)
    assert "Credentials: its bytes are not the ones that were signed." in report.reasons
    assert any("the picture was altered, or" in reason for reason in report.reasons)


def test_one_pixel_changed_with_right_checksums(identity: Identity, tmp_path: Path) -> None:
    content = signed(identity)
    part = next(part for part in parts(content, "png") if part.name == b"IDAT")
    rows = bytearray(zlib.decompress(part.payload))
    rows[50] ^= 1
    body = b"IDAT" + zlib.compress(bytes(rows))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    changed = content[: part.start] + chunk + content[part.end :]
    report = examined(changed, tmp_path, identity)
    assert load(tmp_path / "picture").shape == (40, 48, 3)
    assert (report.verdict, report.credentials.codes) == ("altered", BYTES_CHANGED)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_bytes_at_the_end(identity: Identity, tmp_path: Path, format: Format) -> None:
    report = examined(signed(identity, format=format) + b"more", tmp_path, identity)
    assert (report.verdict, report.credentials.codes) == ("altered", BYTES_CHANGED)
    assert f"Credentials: {AROUND}." in report.reasons


def test_an_inserted_text_chunk(identity: Identity, tmp_path: Path) -> None:
    content = signed(identity)
    place = next(part.start for part in parts(content, "png") if part.name == b"IDAT")
    body = b"tEXtComment\0a photograph"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    report = examined(content[:place] + chunk + content[place:], tmp_path, identity)
    assert (report.verdict, report.credentials.codes) == ("altered", BYTES_CHANGED)
    assert f"Credentials: {AROUND}." in report.reasons


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_changed_metadata(identity: Identity, tmp_path: Path, format: Format) -> None:
    content = signed(identity, format=format)
    place = content.index(b"adobe:ns:meta")
    changed = content[:place] + content[place:].replace(b"trainedAlgorithmicMedia", b"humanEditsOfAPhotograph", 1)
    report = examined(changed, tmp_path, identity)
    assert (report.verdict, report.credentials.codes) == ("altered", BYTES_CHANGED)
    assert report.metadata.source_type == "humanEditsOfAPhotograph"


def test_a_rewritten_source_type_in_the_credentials(identity: Identity, tmp_path: Path) -> None:
    content = signed(identity)
    place = content.index(b"c2pa.actions.v2")
    changed = content[:place] + content[place:].replace(b"trainedAlgorithmicMedia", b"humanEditsOfAPhotograph", 1)
    report = examined(changed, tmp_path, identity)
    assert report.verdict == "altered"
    assert "assertion.hashedURI.mismatch" in report.credentials.codes
    assert "Credentials: what the credentials say was changed after they were signed." in report.reasons


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_bit_in_the_manifest_breaks_it_or_changes_nothing_it_says(identity: Identity, data: st.DataObject) -> None:
    content = CONTENT.setdefault(identity.chain, signed(identity))
    part = next(part for part in parts(content, "png") if part.name == b"caBX")
    place = data.draw(st.integers(part.start + 8, part.end - 5))
    changed = flipped(content, place, data.draw(st.integers(0, 7)))
    found = credentials(changed, identity)
    assert found.state == "invalid" or found == credentials(content, identity)


CONTENT: dict[bytes, bytes] = {}


def credentials(content: bytes, identity: Identity) -> Manifest:
    return read_credentials(io.BytesIO(content), MIME["png"], identity.anchors())


def test_a_signature_by_somebody_else(identity: Identity, tmp_path: Path) -> None:
    stranger = Identity.ensure(tmp_path / "identity")
    report = examined(signed(stranger), tmp_path, identity)
    assert report.verdict == "foreign"
    assert report.reasons[0] == (
        "Credentials: signed by 'Figment (this installation)', who is not known to this installation."
    )


def transplanted(taken: bytes, onto: bytes) -> bytes:
    """`onto` with the manifest chunk of `taken`."""
    chunk = next(part for part in parts(taken, "png") if part.name == b"caBX")
    place = next(part.end for part in parts(onto, "png") if part.name == b"IHDR")
    return onto[:place] + taken[chunk.start : chunk.end] + onto[place:]


def test_a_manifest_put_on_another_picture(identity: Identity, tmp_path: Path) -> None:
    report = examined(transplanted(signed(identity, 1), unsigned(2)), tmp_path, identity)
    assert (report.verdict, report.credentials.codes) == ("altered", BYTES_CHANGED)
    assert any("the credentials were taken from another one" in reason for reason in report.reasons)


def test_a_manifest_put_on_another_marked_picture(identity: Identity, tmp_path: Path) -> None:
    marked = Provenance.of(Operation.CREATE, watermark={"payload": f"{1:016x}"})
    content = transplanted(signed(identity, 1, provenance=marked), unsigned(2))
    (tmp_path / "picture.png").write_bytes(content)
    said = {}
    for payload in (1, 2, None):
        detector = Unmarked(present=payload is not None, payload=payload)
        report = inspect(tmp_path / "picture.png", trusted=identity.anchors(), detector=detector)
        assert report.verdict == "altered"
        said[payload] = " ".join(report.reasons)
    assert "its watermark is still the one that was signed" in said[1]
    assert "the credentials were taken from elsewhere" in said[2]
    assert "it was altered much, or the credentials are of another picture" in said[None]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_picture_saved_again(identity: Identity, tmp_path: Path, format: Format) -> None:
    content = signed(identity, format=format)
    with Image.open(io.BytesIO(content)) as image:
        image.save(tmp_path / f"again.{format}", format.upper())
    report = inspect(tmp_path / f"again.{format}", trusted=identity.anchors(), detector=Unmarked())
    assert report.verdict == "nothing"
    assert report.headline.startswith("Nothing found; that proves nothing")


def test_a_cropped_picture_with_its_watermark(identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "whole.png").write_bytes(signed(identity))
    (tmp_path / "crop.png").write_bytes(encode(load(tmp_path / "whole.png")[5:30, 5:30].copy(), "png"))
    report = inspect(
        tmp_path / "crop.png", trusted=identity.anchors(), detector=Unmarked(present=True, score=12.0, payload=7)
    )
    assert report.verdict == "marked"
    assert report.headline.startswith("It has no credentials, but this installation's watermark")
    assert report.reasons[:2] == (
        "Credentials: none.",
        "Watermark: found, that of this installation, number 0000000000000007 "
        "(score 12.0; probability without one: 1e-06).",
    )


def edited(identity: Identity, start: bytes, seed: int) -> bytes:
    edit = Provenance.of(Operation.EDIT, inputs=(Ingredient("start", start),))
    return signed(identity, seed, provenance=edit)


@pytest.mark.parametrize("generations", [1, 2, 3])
def test_an_altered_ancestor_is_found_however_far_back(identity: Identity, tmp_path: Path, generations: int) -> None:
    content = signed(identity)
    content = flipped(content, in_pixels(content, "png"))
    for seed in range(generations):
        content = edited(identity, content, seed)
    report = examined(content, tmp_path, identity)
    assert report.credentials.state == "trusted"
    assert report.verdict == "altered input"
    assert [ancestor.state for ancestor in report.credentials.ancestors()][-1] == "invalid"
    assert any(
        reason == "Credentials: the input 'start' was altered before it was used: its bytes are not the ones that were "
        "signed."
        for reason in report.reasons
    )


def test_credentials_that_are_truncated(identity: Identity, tmp_path: Path) -> None:
    content = signed(identity)
    part = next(part for part in parts(content, "png") if part.name == b"caBX")
    report = examined(content[: part.start + 200], tmp_path, identity)
    assert report.verdict == "altered"
    assert report.watermark.not_examined == "the file is too damaged to be decoded"


def test_a_picture_that_says_nothing(identity: Identity, tmp_path: Path) -> None:
    report = examined(encode(np.zeros((8, 8, 3), np.uint8), "png"), tmp_path, identity)
    assert report.verdict == "nothing"
    assert report.reasons == (
        "Credentials: none.",
        "Watermark: not found (score 0.0; probability without one: 1e-06).",
        "Metadata: none that matters.",
    )


def test_a_picture_that_only_claims(identity: Identity, tmp_path: Path) -> None:
    report = examined(unsigned(), tmp_path, identity)
    assert report.verdict == "claimed"
    assert report.headline.endswith("says: made by a trained model (AI).")
    plain = encode(picture(), "png", text="a cat\nSteps: 3")
    assert examined(plain, tmp_path, identity).headline.endswith("says: made by a picture generator.")


def test_signing_again_signs_what_is_there_now(identity: Identity, tmp_path: Path) -> None:
    content = signed(identity)
    again = sign(content, "png", CREATED, identity)
    assert again.count(b"caBX") == 1
    assert examined(again, tmp_path, identity).verdict == "signed"
