"""The studio's own interface."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from figment.core.task import Progress
from figment.pixels.files import encode
from figment.studio.gallery import Gallery
from figment.studio.jobs.places import Places
from figment.studio.jobs.store import JobStore
from figment.studio.parameters import Settings
from figment.trust.labels import Operation, Provenance

ASKED = {"kind": "create", "parameters": {"request": {"prompt": "apple", "model": "tiny", "seed": 1}}}


def _store(client: TestClient) -> JobStore:
    store: JobStore = client.app.state.studio.store  # type: ignore[attr-defined]  # starlette types it as any ASGI app
    return store


def test_a_job_is_taken_once_a_key(client: TestClient) -> None:
    first = client.post("/api/jobs", json=ASKED, headers={"Idempotency-Key": "k"})
    assert first.status_code == 202
    job = first.json()
    assert (job["state"], job["parameters"]["request"]["seed"]) == ("queued", 1)
    assert first.headers["location"] == f"/api/jobs/{job['id']}"
    assert client.post("/api/jobs", json=ASKED, headers={"Idempotency-Key": "k"}).json()["id"] == job["id"]
    assert client.get(f"/api/jobs/{job['id']}").json() == job
    assert client.delete(f"/api/jobs/{job['id']}").json()["state"] == "cancelled"
    assert [one["id"] for one in client.get("/api/jobs").json()] == [job["id"]]


def test_a_full_queue_asks_for_patience(client: TestClient) -> None:
    for _ in range(3):
        assert client.post("/api/jobs", json=ASKED).status_code == 202
    full = client.post("/api/jobs", json=ASKED)
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) >= 1
    assert full.json()["title"] == "Too Many Requests"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"kind": "create", "parameters": {}}, "request"),
        ({"kind": "nothing", "parameters": {}}, "nothing"),
        ({"kind": "create", "parameters": {"request": {"prompt": "a", "steps": 10**9}}}, "steps"),
        ({"kind": "create", "parameters": {"request": {"prompt": "a", "size": "99999999"}}}, "size"),
        ({"kind": "create", "parameters": {"request": {"prompt": "\ud800"}}}, "prompt"),
        ({"kind": "verify", "parameters": {"file": "http://example.com/a.png"}}, "example.com"),
        ({"kind": 1}, "kind"),
        ({}, "kind"),
        ([], ""),
        ("x", ""),
    ],
)
def test_bad_bodies_say_what_is_wrong(client: TestClient, body: Any, word: str) -> None:
    answer = client.post("/api/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert word in answer.json()["detail"]


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"kind": "create", "parameters": {"x": NaN}}'])
def test_what_is_no_json(client: TestClient, text: bytes) -> None:
    answer = client.post("/api/jobs", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_too_much_is_refused(client: TestClient) -> None:
    assert client.post("/api/jobs", content=b" " * (2**20 + 1)).status_code == 413

    def parts() -> Any:
        for _ in range(2**5 + 1):
            yield b" " * 2**15

    assert client.post("/api/jobs", content=parts(), headers={"Content-Type": "application/json"}).status_code == 413


def test_figures_that_are_no_numbers(client: TestClient) -> None:
    id = client.post("/api/jobs", json=ASKED).json()["id"]
    _store(client).claim("one", ("create",), 30)
    _store(client).progress(id, 1, Progress(1, 9, metrics={"loss": float("nan"), "rate": 0.5}))
    assert client.get(f"/api/jobs/{id}").json()["metrics"] == {"loss": None, "rate": 0.5}
    assert client.get(f"/api/jobs/{id}/points").json() == [[1, {"loss": None, "rate": 0.5}]]


def test_a_preview(client: TestClient, tiny_run: Path) -> None:
    id = client.post("/api/jobs", json=ASKED).json()["id"]
    assert client.get(f"/api/jobs/{id}/preview").status_code == 404
    folder = Places(tiny_run).job(id)
    folder.mkdir(parents=True)
    (folder / "p.jpg").write_bytes(b"picture")
    _store(client).claim("one", ("create",), 30)
    _store(client).progress(id, 1, Progress(1, 9), preview="p.jpg")
    shown = client.get(client.get(f"/api/jobs/{id}").json()["preview"])
    assert (shown.content, shown.headers["content-type"]) == (b"picture", "image/jpeg")
    (folder / "p.jpg").unlink()  # as when a newer one takes its place
    assert client.get(f"/api/jobs/{id}/preview").status_code == 404


def test_uploads_are_files_of_jobs(client: TestClient) -> None:
    picture = encode(np.zeros((4, 4, 3), np.uint8), "png")
    sent = client.put("/api/uploads/some%20name.PNG", content=picture)
    assert sent.status_code == 201
    file = sent.json()["file"]
    assert client.get(f"/api/files/{file}").content == picture
    assert client.post("/api/jobs", json={"kind": "verify", "parameters": {"file": file}}).status_code == 202
    assert client.delete(f"/api/files/{file}").status_code == 204
    assert client.get(f"/api/files/{file}").status_code == 404
    assert client.put("/api/uploads/x.svg", content=b"<svg/>").status_code == 422
    assert client.put("/api/uploads/x.html", content=b"<script>").status_code == 422


@pytest.mark.parametrize(
    "file",
    [
        "outputs/../runs/tiny/model.safetensors",
        "outputs/%2e%2e/runs/tiny/model.safetensors",
        "..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "runs/tiny/model.safetensors",
        ".figment/jobs.db",
        "outputs/.making/x.png",
        "outputs/link.png",
        "outputs/notes.txt",
        "outputs/%00.png",
    ],
)
def test_no_other_files(client: TestClient, tiny_run: Path, file: str) -> None:
    outputs = tiny_run / "outputs"
    outputs.mkdir()
    (outputs / "notes.txt").write_text("x")
    (outputs / "link.png").symlink_to(tiny_run / "runs/tiny/model.safetensors")
    assert client.get(f"/api/files/{file}").status_code == 404


def test_the_gallery_newest_first(client: TestClient, tiny_run: Path) -> None:
    gallery = Gallery(tiny_run / "outputs")
    for number, prompt in enumerate(("a red apple", "a blue car", "<script>alert(1)</script>")):
        settings = Settings(prompt, 2, "Heun", 3.0, number, 16, 16)
        gallery.save(np.zeros((64, 64, 3), np.uint8), settings, Provenance.of(Operation.CREATE, model="m"))
    listed = client.get("/api/gallery").json()
    assert ["script" in one["settings"] for one in listed] == [True, False, False]
    assert [one["file"] for one in client.get("/api/gallery", params={"search": "RED apple"}).json()] == [
        listed[2]["file"]
    ]
    after = client.get("/api/gallery", params={"before": listed[0]["file"], "limit": 1}).json()
    assert after == [listed[1]]
    bytes_of = (tiny_run / listed[0]["file"]).read_bytes()
    assert client.get(f"/api/files/{listed[0]['file']}").content == bytes_of
    assert client.get(f"/api/settings/{listed[2]['file']}").json() == listed[2]


def test_what_there_is_to_choose(client: TestClient, tiny_run: Path) -> None:
    lora = tiny_run / "models/Lora/shiny.safetensors"
    lora.parent.mkdir(parents=True)
    lora.write_bytes(b"x")
    lora.with_suffix(".json").write_text('{"activation text": "shiny"}')
    models = {one["name"]: one for one in client.get("/api/shelves/models").json()}
    assert {"tiny", "sprites-128"} <= set(models)
    assert models["sprites-128"]["default"]
    (found,) = client.get("/api/shelves/loras").json()
    assert (found["name"], found["trigger_words"], found["size"]) == ("shiny", ["shiny"], 1)
    assert client.get("/api/shelves/other").status_code == 422
    assert set(client.get("/api/kinds").json()) >= {"create", "train", "verify"}
    assert client.get("/api/catalogue").json()["samplers"] == []


def test_health_and_figures(client: TestClient) -> None:
    client.post("/api/jobs", json=ASKED)
    client.get("/none")
    health = client.get("/health").json()
    assert (health["status"], health["workers"]) == ("ok", False)
    lines = client.get("/metrics").text.splitlines()
    assert 'figment_jobs{state="queued"} 1' in lines
    assert 'figment_requests_total{status="4xx"} 1' in lines
