"""What lies beside model files."""

import json
from pathlib import Path

import pytest

from figment.diffusion.sidecars import Sidecar, read


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "my.style.v2.safetensors"


def test_sidecars_of_all_programs_are_read(model: Path) -> None:
    assert read(model) == Sidecar()
    model.with_suffix(".cm-info.json").write_text(
        json.dumps({"BaseModel": "SDXL 1.0", "TrainedWords": ["x"], "ModelDescription": "<p>Old &amp; new</p>"})
    )
    assert read(model) == Sidecar(("x",), "SDXL 1.0", description="Old & new")
    model.with_suffix(".civitai.info").write_text(
        json.dumps({"baseModel": "SD 1.5", "trainedWords": ["miku, blue hair", "miku"]})
    )
    assert read(model) == Sidecar(("miku", "blue hair"), "SD 1.5", description="Old & new")


def test_the_users_own_words_win(model: Path) -> None:
    model.with_suffix(".civitai.info").write_text(json.dumps({"baseModel": "SD 1.5", "trainedWords": ["theirs"]}))
    own = {
        "activation text": "mine, <lora:other:1>",
        "preferred weight": 0.8,
        "sd version": "Unknown",
        "negative text": "bad",
        "notes": "try it",
    }
    model.with_suffix(".json").write_text(json.dumps(own))
    for ending in (".png", ".preview.png"):
        model.with_suffix(ending).write_bytes(b"png")
    preview = model.with_suffix(".preview.png")
    assert read(model) == Sidecar(("mine", "<lora:other:1>"), "SD 1.5", 0.8, "bad", preview, notes="try it")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("", "Expecting value"),
        ("[1]", "it is no JSON object"),
        ("{", "Expecting property name"),
        ('{"a":' * 100_000, "recursion"),
        (" " * 2**21, "it is too large"),
        ("\xff\xfe".encode("latin-1").decode("latin-1"), "was passed over"),
    ],
)
def test_damaged_files_are_passed_over_with_a_note(model: Path, content: str, note: str) -> None:
    path = model.with_suffix(".json")
    path.write_text(content, encoding="latin-1")
    found = read(model)
    assert found == Sidecar(passed_over=found.passed_over)
    assert len(found.passed_over) == 1
    assert found.passed_over[0].startswith(f"{path} was passed over")
    assert note in found.passed_over[0]


def test_values_of_other_types_are_left_out(model: Path) -> None:
    for weight in ("true", '"x"', "NaN", "-Infinity", "0", "1e9"):
        model.with_suffix(".json").write_text(f'{{"activation text": 5, "preferred weight": {weight}, "notes": []}}')
        assert read(model) == Sidecar()
    model.with_suffix(".json").write_text('{"activation text": "a\\ud800b"}')
    assert read(model).trigger_words == ("a?b",)
