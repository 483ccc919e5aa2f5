"""OpenAI's Images interface: bodies into jobs, masks, and the refusal of what cannot be."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

from figment.core.config import from_dict
from figment.core.errors import InputError
from figment.pixels.errors import PixelError
from figment.pixels.files import load
from figment.server.models import Model
from figment.server.openai.bodies import Drawing, Editing
from figment.server.openai.translate import job
from figment.server.pictures import Lent, decoded
from figment.server.problems import Problem
from figment.studio.jobs.kinds.create import Parameters
from figment.studio.jobs.places import Places

CHECKPOINT = Model("anything", Path("anything.safetensors"), None)
OWN = Model("sprites-128", Path("sprites-128.safetensors"), 128)


def made(body: Mapping[str, Any], model: Model = CHECKPOINT) -> Parameters:
    return from_dict(Parameters, job(Drawing.model_validate({"prompt": "a", **body}), model))


def png(pixels: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_a_body_becomes_a_request() -> None:
    asked = made({"n": 3, "size": "768x512", "quality": "high", "user": "x", "moderation": "low", "style": "vivid"})
    assert (asked.request.count, asked.request.size, asked.request.steps) == (3, "768x512", 32)
    assert not asked.preview
    plain = made({"size": "auto", "quality": "standard"})
    assert (plain.request.count, plain.request.size, plain.request.steps) == (1, None, None)
    assert made({"stream": True, "partial_images": 1}).preview
    assert (plain.format, made({"output_format": "webp"}).format) == ("png", "webp")


def test_sizes_that_a_model_of_figments_own_cannot_make_are_its_own() -> None:
    assert made({"size": "1024x1024"}, OWN).request.size is None
    assert made({"size": "192x128"}, OWN).request.size == "192x128"


def test_an_edit_may_keep_close_to_the_picture() -> None:
    close = Editing.model_validate({"prompt": "a", "input_fidelity": "high"})
    assert job(close, OWN, "uploads/a.png")["request"]["strength"] == 0.45
    assert job(close, OWN, "uploads/a.png", "uploads/m.png")["request"]["strength"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"background": "transparent"},
        {"output_format": "svg"},
        {"stream": True, "response_format": "url"},
        {"partial_images": 2},
        {"size": "1000x1001"},
        {"size": "4096x4096"},
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(body: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"^({'|'.join(body)}): "):
        made(body)


# Pictures in requests


def test_base64_comes_bare_and_as_data_url() -> None:
    assert decoded("aGVsbG8=") == decoded("data:image/png;base64,aGVs\nbG8=") == b"hello"
    for wrong in ("", "hello!", "https://example.com/a.png", " FILE:///etc/passwd", "data:image/png;base64,"):
        with pytest.raises(InputError):
            decoded(wrong)


@pytest.fixture
def lent(tmp_path: Path) -> Lent:
    return Lent(Places(tmp_path), 10_000)


def test_pictures_are_lent_and_given_back(lent: Lent) -> None:
    name = lent.picture(png(np.zeros((8, 8, 3), np.uint8)))
    assert lent.places.file(name).is_file()
    with pytest.raises(PixelError):
        lent.picture(b"no picture")
    with pytest.raises(Problem, match="room"):
        lent.picture(bytes(10_001))
    lent.give_back()
    assert list(lent.places.uploads.iterdir()) == []


def test_masks_mean_what_each_protocol_says(lent: Lent) -> None:
    start = lent.picture(png(np.zeros((4, 8, 3), np.uint8)))
    alpha = np.zeros((4, 8, 4), np.uint8)
    alpha[:, :4, 3] = 255
    clear = load(lent.places.file(lent.mask(png(alpha), start, clear=True, rounded=False)), "L")
    opaque = load(lent.places.file(lent.mask(png(alpha), start, clear=False, rounded=True)), "L")
    assert clear[0].tolist() == [0] * 4 + [255] * 4
    assert opaque[0].tolist() == [255] * 4 + [0] * 4
    grey = np.full((2, 4), 200, np.uint8)  # half as large as the picture
    assert (
        load(lent.places.file(lent.mask(png(grey), start, clear=False, rounded=True)), "L").tolist() == [[255] * 8] * 4
    )
    with pytest.raises(InputError, match="transparent"):
        lent.mask(png(grey), start, clear=True, rounded=False)


# Over HTTP, where no worker answers


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "prompt"),
        ({"prompt": 3}, 400, "prompt"),
        ({"prompt": "a", "n": 1000}, 400, "n"),
        ({"prompt": "a", "size": "../../etc"}, 400, "size"),
        ({"prompt": "a", "model": "../../etc/passwd"}, 404, "model"),
        ({"prompt": "a", "background": "transparent"}, 400, "background"),
        ({"prompt": "   "}, 400, "prompt"),
    ],
)
def test_bad_bodies_are_refused_in_its_own_words(
    client: TestClient, body: dict[str, Any], status: int, param: str
) -> None:
    answer = client.post("/v1/images/generations", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert client.get("/api/jobs").json() == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"image": ("a.png", b"no picture", "image/png")},
        {"image": ("../../a.png", b"\x89PNG\r\n\x1a\n", "image/png")},
        {"mask": ("m.png", b"x", "image/png")},
    ],
)
def test_bad_forms_are_refused(client: TestClient, files: dict[str, Any]) -> None:
    answer = client.post("/v1/images/edits", data={"prompt": "a"}, files=files)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert not list(Path("uploads").glob("*"))


def test_two_pictures_and_no_form_are_refused(client: TestClient) -> None:
    two = [("image[]", ("a.png", b"x")), ("image[]", ("b.png", b"x"))]
    assert client.post("/v1/images/edits", data={"prompt": "a"}, files=two).json()["error"]["param"] == "image"
    assert client.post("/v1/images/edits", json={"prompt": "a"}).status_code == 400


def test_a_full_queue_says_when_to_come_back(client: TestClient) -> None:
    for number in range(3):
        parameters = {"request": {"prompt": str(number)}}
        assert client.post("/api/jobs", json={"kind": "create", "parameters": parameters}).status_code == 202
    answer = client.post("/v1/images/generations", json={"prompt": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_wrong_key_is_told_so(locked: TestClient) -> None:
    answer = locked.get("/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert locked.get("/v1/models", headers={"Authorization": "Bearer a-long-enough-token"}).status_code == 200


def test_one_does_not_see_another_users_progress(locked: TestClient) -> None:
    own = {"Authorization": "Bearer a-long-enough-token"}
    key = locked.post("/api/accounts", json={"name": "bo", "role": "user"}, headers=own).json()["key"]
    body = {"kind": "create", "parameters": {"request": {"prompt": "a"}}}
    assert locked.post("/api/jobs", json=body, headers=own).status_code == 202
    counts = [
        locked.get("/sdapi/v1/progress", headers=headers).json()["state"]["job_count"]
        for headers in (own, {"Authorization": f"Bearer {key}"})
    ]
    assert counts == [1, 0]
