"""Prompts and pictures' settings, read for the page."""

from pathlib import Path

from fastapi.testclient import TestClient
from PIL import Image
from PIL.PngImagePlugin import PngInfo

TEXT = "a (red:1.2) apple\nNegative prompt: blur\nSteps: 12, Sampler: Euler a, CFG scale: 6.5, Seed: 7, Size: 512x640"


def test_a_prompt_is_counted_and_weighed(client: TestClient) -> None:
    read = client.post("/api/prompt", json={"text": "a (red:1.2) apple <lora:fruit:0.7>"}).json()
    assert (read["tokens"], read["room"]) == (3, 75)
    assert {piece["text"].strip(): piece["weight"] for piece in read["pieces"]} == {"a": 1, "red": 1.2, "apple": 1}
    assert read["networks"] == [{"kind": "lora", "name": "fruit", "arguments": ["0.7"]}]


def test_each_begun_chunk_has_room_of_its_own(client: TestClient) -> None:
    count = {text: client.post("/api/prompt", json={"text": text}).json() for text in ("", "a BREAK b", "a " * 76)}
    assert [(one["tokens"], one["room"]) for one in count.values()] == [(0, 75), (2, 150), (76, 150)]


def test_the_settings_of_a_picture_are_recalled(client: TestClient, tiny_run: Path) -> None:
    written, folder = PngInfo(), tiny_run / "uploads"
    written.add_text("parameters", TEXT)
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "a.png", pnginfo=written)
    Image.new("RGB", (8, 8)).save(folder / "plain.png")
    found = client.get("/api/recall/uploads/a.png").json()
    expected = {"prompt": "a (red:1.2) apple", "negative": "blur", "sampler": "Euler a", "guidance": 6.5, "height": 640}
    assert expected.items() <= found.items()
    assert client.get("/api/recall/uploads/plain.png").status_code == 422
    assert client.get("/api/recall/uploads/../runs/tiny/model.safetensors").status_code == 404


def test_the_page_itself_needs_no_key_but_all_it_shows_does(locked: TestClient) -> None:
    assert locked.get("/").status_code == 200
    assert locked.post("/api/prompt", json={"text": "a"}).status_code == 401
    assert locked.get("/assets/../api/jobs").status_code in (401, 404)
