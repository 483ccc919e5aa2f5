"""Signing: every format, what each operation says, inputs that keep their credentials, and what stays out."""

import hashlib
import io
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image
from tests.trust.conftest import CREATED, examined, picture, signed, unsigned

from figment.core.errors import InputError
from figment.pixels.files import SUFFIXES, Format, load
from figment.trust.credentials import Manifest, read_credentials
from figment.trust.errors import CredentialsError
from figment.trust.keys import Identity
from figment.trust.labels import LABELS, Ingredient, Operation, Provenance, SourceType
from figment.trust.sign import MIME, sidecar_of, sign, sign_file, sign_sidecar
from figment.trust.verify import inspect
from figment.trust.watermark import Watermark

TRAINED, MIXED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"


def clip_of(image: NDArray[np.uint8], container: str, codec: str) -> bytes:
    """A clip of twenty still frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=10)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        for _ in range(20):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        output.mux(stream.encode())
    return file.getvalue()


def small_mp4() -> bytes:
    return clip_of(picture(), "mp4", "mpeg4")


def small_webm() -> bytes:
    return clip_of(picture(), "webm", "libvpx")


def credentials(content: bytes, identity: Identity, format: Format = "png") -> Manifest:
    return read_credentials(io.BytesIO(content), MIME[format], identity.anchors())


@pytest.mark.parametrize("format", sorted(set(SUFFIXES.values())))
def test_pictures_carry_credentials_and_stay_what_they_were(identity: Identity, tmp_path: Path, format: Format) -> None:
    content = signed(identity, format=format)
    report = examined(content, tmp_path, identity)
    assert report.verdict == "signed"
    assert report.credentials.source_type == TRAINED
    assert [action.name for action in report.credentials.actions] == ["c2pa.created"]
    assert report.metadata.parameters == "a red apple\nSteps: 2"
    assert report.metadata.source_type == TRAINED
    (tmp_path / "before").write_bytes(unsigned(format=format))
    assert (load(tmp_path / "picture") == load(tmp_path / "before")).all()
    assert len(content) - len(unsigned(format=format)) < 6000  # no thumbnail


def test_a_gif_carries_credentials(identity: Identity, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "GIF")
    content = sign(file.getvalue(), "gif", CREATED, identity)
    assert examined(content, tmp_path, identity).verdict == "signed"
    assert examined(content + b"\0", tmp_path, identity).verdict == "altered"
    with Image.open(tmp_path / "picture") as image:
        assert image.size == (48, 40)


def test_an_mp4_clip_carries_credentials(identity: Identity, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(small_mp4())
    sign_file(clip, clip, CREATED, identity)
    assert inspect(clip, trusted=identity.anchors()).verdict == "signed"
    content = clip.read_bytes()
    place = content.index(b"mdat") + 40
    clip.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    report = inspect(clip, trusted=identity.anchors())
    assert report.verdict == "altered"
    assert report.credentials.codes == ("assertion.bmffHash.mismatch",)


def test_a_webm_clip_has_its_credentials_beside_it(identity: Identity, tmp_path: Path) -> None:
    clip = tmp_path / "clip.webm"
    content = small_webm()
    clip.write_bytes(content)
    sidecar = sign_sidecar(clip, CREATED, identity)
    assert sidecar == sidecar_of(clip) == tmp_path / "clip.webm.c2pa"
    assert clip.read_bytes() == content
    assert inspect(clip, trusted=identity.anchors()).verdict == "signed"
    clip.write_bytes(content + b"\0")
    assert inspect(clip, trusted=identity.anchors()).verdict == "altered"
    sidecar.write_bytes(b"nonsense")
    assert inspect(clip, trusted=identity.anchors()).verdict == "altered"
    sidecar.unlink()
    clip.write_bytes(content)
    assert inspect(clip, trusted=identity.anchors()).verdict == "nothing"


@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx")])
def test_a_clip_is_searched_for_the_watermark(tmp_path: Path, container: str, codec: str) -> None:
    watermark = Watermark(bytes(32))
    marked = watermark.embed(picture(size=(320, 360)), 7)
    (tmp_path / "clip").write_bytes(clip_of(marked, container, codec))
    report = inspect(tmp_path / "clip", trusted=b"", detector=watermark)
    assert report.verdict == "marked"
    (tmp_path / "clip").write_bytes(clip_of(picture(size=(320, 360)), container, codec))
    assert inspect(tmp_path / "clip", trusted=b"", detector=watermark).verdict == "nothing"


@pytest.mark.parametrize("operation", Operation)
def test_every_operation_says_what_was_done(identity: Identity, operation: Operation) -> None:
    inputs = (Ingredient("start", signed(identity, 1)), Ingredient("face", unsigned(2)))
    label = LABELS[operation]
    provenance = Provenance.of(operation, inputs=inputs if label.has_parent else ())
    found = credentials(signed(identity, provenance=provenance), identity)
    assert found.state == "trusted"
    first = "c2pa.opened" if label.has_parent else "c2pa.created"
    assert tuple(action.name for action in found.actions) == (first, *label.actions)
    assert found.source_type == label.source_types[0]


def test_a_swap_keeps_the_credentials_of_both_inputs(identity: Identity) -> None:
    start, face = signed(identity, 1), signed(identity, 2)
    swap = Provenance.of(
        Operation.SWAP, inputs=(Ingredient("clip", start), Ingredient("face", face)), consent_sha256="cd" * 32
    )
    found = credentials(signed(identity, provenance=swap), identity)
    assert [(i.title, i.relationship, i.state) for i in found.ingredients] == [
        ("clip", "parentOf", "trusted"),
        ("face", "componentOf", "trusted"),
    ]
    assert all(ingredient.source_type == TRAINED for ingredient in found.ingredients)
    assert found.source_type == MIXED
    assert found.facts["consent"] == {"sha256": "cd" * 32}
    assert found.facts["inputs"] == {"sha256": [hashlib.sha256(content).hexdigest() for content in (start, face)]}


def test_an_input_may_be_a_file_without_credentials(identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "my holiday.png").write_bytes(unsigned(1))
    edit = Provenance.of(Operation.EDIT, inputs=(Ingredient("start", tmp_path / "my holiday.png"),))
    content = signed(identity, provenance=edit)
    (ingredient,) = credentials(content, identity).ingredients
    assert (ingredient.state, ingredient.title) == ("none", "start")
    assert b"holiday" not in content


def test_an_input_whose_credentials_cannot_be_read_is_still_named(identity: Identity) -> None:
    start = signed(identity, 1)
    for name in (b"jumdc2pa", b"c2pa.actions.v2", b"org.figment.model"):
        broken = start.replace(name, bytes(len(name)))
        edit = Provenance.of(Operation.EDIT, inputs=(Ingredient("start", broken),))
        found = credentials(signed(identity, provenance=edit), identity)
        assert found.state == "trusted"
        (ingredient,) = found.ingredients
        assert ingredient.state == "invalid" or ingredient.title == "start (its credentials were damaged)"


def test_ancestry_goes_back_to_the_first_picture(identity: Identity) -> None:
    content = signed(identity, 0)
    for seed in range(1, 4):
        edit = Provenance.of(Operation.EDIT, inputs=(Ingredient(f"step {seed}", content),))
        content = signed(identity, seed, provenance=edit)
    found = credentials(content, identity)
    assert [ancestor.title for ancestor in found.ancestors()] == ["step 3", "step 2", "step 1"]
    assert {ancestor.state for ancestor in found.ancestors()} == {"trusted"}


def test_prompts_stay_out_of_the_credentials(identity: Identity) -> None:
    content = signed(identity)
    start = content.index(b"caBX") + 4
    length = int.from_bytes(content[start - 8 : start - 4], "big")
    assert b"red apple" in content
    assert b"red apple" not in content[start : start + length]


def test_model_and_watermark_are_named(identity: Identity) -> None:
    marked = Provenance.of(Operation.CREATE, model="tiny", model_sha256="ab" * 32, watermark={"payload": "12"})
    facts = credentials(signed(identity, provenance=marked), identity).facts
    assert facts["model"] == {"name": "tiny", "sha256": "ab" * 32}
    assert facts["watermark"] == {"payload": "12"}


def test_a_source_type_that_is_not_true_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be labelled 'humanEdits'; use trainedAlgorithmicMedia"):
        Provenance(Operation.CREATE, SourceType.HUMAN_EDITS)


@pytest.mark.parametrize(("operation", "needed"), [(Operation.EDIT, 1), (Operation.SWAP, 2), (Operation.CROP, 1)])
def test_an_operation_needs_its_inputs(operation: Operation, needed: int) -> None:
    with pytest.raises(InputError, match=f"needs {needed} input pictures, not 0"):
        Provenance.of(operation)


def test_what_is_no_picture_cannot_be_signed(identity: Identity) -> None:
    with pytest.raises(CredentialsError, match="The picture cannot be signed"):
        sign(b"nonsense", "png", CREATED, identity)
