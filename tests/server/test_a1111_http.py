"""AUTOMATIC1111's interface over HTTP, where no worker answers: what is refused is refused before it is queued."""

import base64
import io
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from safetensors.numpy import save_file

from figment.server.a1111.bodies import FromPrompt
from figment.server.a1111.routes import _echo


def test_nothing_heavy_is_loaded() -> None:
    import subprocess

    heavy = "{'torch', 'diffusers', 'transformers', 'openvino'} & set(sys.modules)"
    subprocess.run(
        [sys.executable, "-c", f"import sys, figment.server.a1111, figment.server.openai; sys.exit(bool({heavy}))"],
        check=True,
    )


def test_options_go_round(client: TestClient) -> None:
    options = client.get("/sdapi/v1/options").json()
    assert client.post("/sdapi/v1/options", json=options).json() is None
    assert client.get("/sdapi/v1/options").json() == options
    model = {"sd_model_checkpoint": "tiny"}
    assert client.post("/sdapi/v1/options", json=model).status_code == 200
    assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("tiny.safetensors [")


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("txt2img", {"prompt": 3}, 422),
        ("txt2img", {"prompt": "a", "steps": 1e9}, 422),
        ("txt2img", {"prompt": "a", "width": "wide"}, 422),
        ("txt2img", {"prompt": "a", "sampler_name": "none such"}, 400),
        ("txt2img", {"prompt": "a", "override_settings": {"sd_model_checkpoint": "../../../etc/passwd"}}, 422),
        ("txt2img", {"prompt": "a", "infotext": "nothing"}, 422),
        ("img2img", {"prompt": "a"}, 404),
        ("img2img", {"prompt": "a", "init_images": ["http://127.0.0.1/secret"]}, 422),
        ("img2img", {"prompt": "a", "init_images": ["file:///etc/passwd"]}, 422),
        ("img2img", {"prompt": "a", "init_images": ["uploads/../../x"]}, 422),
        ("img2img", {"prompt": "a", "init_images": ["data:image/png;base64,AAAA"]}, 422),
        ("png-info", {"image": "****"}, 422),
        ("interrogate", {"image": "AAAA", "model": "clip"}, 404),
        ("interrogate", {"model": "clip"}, 404),
        ("txt2img", {"prompt": "a", "restore_faces": True}, 422),
    ],
)
def test_hostile_bodies_are_refused_in_its_own_words(
    client: TestClient, route: str, body: dict[str, Any], status: int
) -> None:
    answer = client.post(f"/sdapi/v1/{route}", json=body)
    assert answer.status_code == status
    told = answer.json()
    assert set(told) == {"error", "detail", "body", "errors"}
    assert told["detail"]
    assert client.get("/api/jobs").json() == []
    assert not list(Path("uploads").glob("*"))


def test_numbers_that_are_none_are_refused(client: TestClient) -> None:
    for text in ('{"prompt": "a", "cfg_scale": NaN}', '{"prompt": "a", "cfg_scale": Infinity}', '{"prompt": ', "[]"):
        answer = client.post("/sdapi/v1/txt2img", content=text, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["detail"]


def test_a_bomb_is_refused_before_it_is_unpacked(client: TestClient) -> None:
    side = 60_000
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(2**22), 9)
    parts = b"".join(_chunk(kind, data) for kind, data in ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")))
    bomb = base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()
    answer = client.post("/sdapi/v1/img2img", json={"prompt": "a", "init_images": [bomb]})
    assert answer.status_code == 422
    assert "too large" in answer.json()["detail"]


def test_too_many_batches_queue_nothing(client: TestClient) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={"prompt": "a", "n_iter": 9})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert {job["state"] for job in client.get("/api/jobs").json()} == {"cancelled"}


def test_png_info_reads_any_picture(client: TestClient) -> None:
    content = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(content, "PNG")
    told = client.post("/sdapi/v1/png-info", json={"image": base64.b64encode(content.getvalue()).decode()})
    assert told.json() == {"info": "", "items": {}, "parameters": {}}


def test_a_key_is_taken_as_a_password(locked: TestClient) -> None:
    refused = locked.get("/sdapi/v1/sd-models")
    assert (refused.status_code, refused.json()["error"]) == (401, "HTTPException")
    assert locked.get("/sdapi/v1/sd-models", auth=("anyone", "a-long-enough-token")).status_code == 200


def test_progress_without_work(client: TestClient) -> None:
    told = client.get("/sdapi/v1/progress?skip_current_image=true").json()
    assert (told["progress"], told["state"]["job_count"], told["current_image"]) == (0, 0, None)
    assert json.loads(client.post("/sdapi/v1/interrupt").content) == {}


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "scripts", {"txt2img": [], "img2img": []}),
        ("GET", "script-info", []),
        ("GET", "extensions", []),
        ("GET", "hypernetworks", []),
        ("GET", "face-restorers", []),
        ("GET", "realesrgan-models", []),
        ("GET", "sd-vae", []),
        ("GET", "loras", []),
        ("GET", "prompt-styles", []),
        ("GET", "embeddings", {"loaded": {}, "skipped": {}}),
        ("POST", "interrupt", {}),
        ("POST", "skip", None),
        ("POST", "refresh-checkpoints", None),
        ("POST", "refresh-vae", None),
        ("POST", "refresh-loras", None),
        ("POST", "refresh-embeddings", None),
        ("POST", "unload-checkpoint", {}),
        ("POST", "reload-checkpoint", {}),
        ("POST", "train/embedding", {"info": "train embedding error: this server does not train embeddings"}),
        (
            "POST",
            "create/hypernetwork",
            {"info": "create hypernetwork error: this server does not train hypernetworks"},
        ),
    ],
)
def test_every_route_answers_as_automatic1111(client: TestClient, method: str, path: str, found: Any) -> None:
    answer = client.request(method, f"/sdapi/v1/{path}")
    assert (answer.status_code, answer.json()) == (200, found)


@pytest.mark.parametrize("path", ["server-kill", "server-restart", "server-stop"])
def test_no_request_ends_the_server(client: TestClient, path: str) -> None:
    """As with AUTOMATIC1111, unless it was started with --api-server-stop."""
    answer = client.post(f"/sdapi/v1/{path}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Not Found")


def test_schedulers_are_as_automatic1111_has_them(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/sdapi/v1/schedulers").json()}
    assert found["karras"] == {
        "name": "karras", "label": "Karras", "aliases": None, "default_rho": 7.0, "need_inner_model": False
    }  # fmt: skip
    assert (found["sgm_uniform"]["aliases"], found["sgm_uniform"]["need_inner_model"]) == (["SGMUniform"], True)
    assert next(iter(found)) == "automatic"


def test_embeddings_have_their_sizes(client: TestClient) -> None:
    folder = Path("embeddings")
    folder.mkdir()
    save_file({"emb_params": np.zeros((3, 768), np.float32)}, folder / "one.safetensors")
    both = {"clip_l": np.zeros((2, 768), np.float32), "clip_g": np.zeros((2, 1280), np.float32)}
    save_file(both, folder / "two.safetensors")
    (folder / "broken.safetensors").write_bytes(b"no")
    loaded = client.get("/sdapi/v1/embeddings").json()["loaded"]
    assert {name: (one["vectors"], one["shape"]) for name, one in loaded.items()} == {
        "one": (3, 768), "two": (2, 2048), "broken": (None, None)
    }  # fmt: skip


def test_options_name_the_gallery_and_choose_a_format(client: TestClient, tiny_run: Path) -> None:
    assert client.get("/sdapi/v1/options").json()["outdir_txt2img_samples"] == str(tiny_run / "outputs")
    assert client.post("/sdapi/v1/options", json={"samples_format": "jpg"}).status_code == 200
    assert client.get("/sdapi/v1/options").json()["samples_format"] == "jpg"
    assert client.post("/sdapi/v1/options", json={"samples_format": "bmp"}).status_code == 422


def test_the_routes_of_its_own_page(client: TestClient) -> None:
    assert client.get("/internal/ping").json() == {}
    assert client.get("/internal/pending-tasks").json() == {"size": 0, "tasks": []}
    asked = client.post("/internal/progress", json={"id_task": "task(none)", "id_live_preview": None}).json()
    assert (asked["active"], asked["queued"], asked["completed"], asked["progress"]) == (False, False, False, None)
    about = client.get("/internal/sysinfo")
    assert about.headers["content-disposition"].startswith("attachment")
    assert about.json()["Version"].startswith("figment ")


def test_its_page_needs_a_key_too(locked: TestClient) -> None:
    for path in ("ping", "pending-tasks", "sysinfo"):
        assert locked.get(f"/internal/{path}").status_code == 401


def test_a_number_that_is_none_in_a_field_that_is_passed_over(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.post("/sdapi/v1/options", content='{"x": NaN}', headers=headers).status_code == 200
    answer = _echo(FromPrompt.model_validate({"prompt": "a", "override_settings": {"x": float("nan")}}))
    assert json.loads(json.dumps(answer, allow_nan=False))["override_settings"] == {"x": None}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "a\\u0000b", "override_settings": {"sd_model_checkpoint": "\\u0000"}}',
        b'{"prompt": "\xff"}',
        b'{"prompt": "a", "styles": ["\\udfff"], "sampler_name": "\\ud800"}',
        b'{"prompt": "a", "override_settings": {"CLIP_stop_at_last_layers": NaN}}',
        b'{"prompt": "a", "override_settings": {"sd_vae": {"a": []}}}',
        b"[" * 100_000,
        b'{"a":' * 5_000,
    ],
)
def test_bytes_that_are_no_text_are_refused(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/sdapi/v1/txt2img", "/v1/images/generations"):
        if path.startswith("/v1") and b'"prompt": "a' in body:
            continue  # the other protocol has no such fields, and takes the rest
        answer = client.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text[:300]
    assert client.get("/api/jobs").json() == []
