"""Hashes that are worked out once, and what lies beside a model."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from figment.diffusion import fingerprints, sidecars
from figment.diffusion.fingerprints import fingerprint, tensors_fingerprint


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a.safetensors"
    save_file({"x": torch.arange(4.0)}, path)
    return path


def test_a_hash_is_that_of_the_file_and_of_its_tensors(model: Path) -> None:
    content = model.read_bytes()
    assert fingerprint(model) == hashlib.sha256(content).hexdigest()
    assert tensors_fingerprint(model) == hashlib.sha256(torch.arange(4.0).numpy().tobytes()).hexdigest()


def test_it_is_worked_out_again_only_when_the_file_has_changed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint(model)
    monkeypatch.setattr(fingerprints, "_hashed", lambda *_: "anew")
    assert fingerprint(model) == first
    os.utime(model, ns=(1, 1))
    assert fingerprint(model) == "anew"


def test_a_damaged_or_read_only_cache_costs_time_alone(model: Path, tmp_path: Path) -> None:
    first = fingerprint(model)
    (tmp_path / "cache" / "fingerprints.json").write_text("[1, 2")
    assert fingerprint(model) == first
    (tmp_path / "cache" / "fingerprints.json").unlink()
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file")
    assert fingerprint(model) == first


def test_sidecars_of_all_programs_are_read(model: Path) -> None:
    assert sidecars.read(model) == sidecars.Sidecar()
    model.with_suffix(".cm-info.json").write_text(json.dumps({"BaseModel": "SDXL 1.0", "TrainedWords": ["x"]}))
    assert sidecars.read(model).triggers == ("x",)
    model.with_suffix(".civitai.info").write_text(
        json.dumps({"baseModel": "SD 1.5", "trainedWords": ["miku, blue hair", "miku"]})
    )
    assert sidecars.read(model).triggers == ("miku", "blue hair")
    own = {"activation text": "mine", "preferred weight": 0.8, "sd version": "Unknown", "negative text": "bad"}
    model.with_suffix(".json").write_text(json.dumps(own))
    model.with_suffix(".preview.png").write_bytes(b"png")
    found = sidecars.read(model)
    assert (found.triggers, found.base, found.weight, found.negative) == (("mine",), "SD 1.5", 0.8, "bad")
    assert found.preview == model.with_suffix(".preview.png")


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", "{" * 100_000, '{"activation text": 5, "preferred weight": "x"}', " " * 2**21]
)
def test_what_strangers_write_cannot_stop_a_listing(model: Path, content: str) -> None:
    model.with_suffix(".json").write_text(content)
    assert sidecars.read(model) == sidecars.Sidecar()
