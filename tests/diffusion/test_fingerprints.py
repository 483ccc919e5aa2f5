"""Hashes that are worked out once."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from figment.core.errors import CheckpointError
from figment.diffusion import fingerprints
from figment.diffusion.fingerprints import fingerprint, tensors_fingerprint


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


def test_a_folder_is_known_again_by_its_parts(tmp_path: Path) -> None:
    part = tmp_path / "model" / "unet" / "a.safetensors"
    part.parent.mkdir(parents=True)
    save_file({"x": torch.zeros(4)}, part)
    first = fingerprint(tmp_path / "model")
    save_file({"x": torch.ones(4)}, part)
    assert fingerprint(tmp_path / "model") != first


def test_two_processes_may_hash_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from figment.diffusion.fingerprints import fingerprint as f\n"
    code += "print(*[f(Path(p)) for p in sys.argv[1:]])"
    paths = [tmp_path / f"{number}.safetensors" for number in range(8)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 1000)
    command = [sys.executable, "-c", code, *map(str, paths)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [child.communicate()[0].split() for child in children] == [expected, expected]
    known = json.loads((tmp_path / "cache" / "fingerprints.json").read_text())
    assert {value[-1] for value in known.values()} <= set(expected)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Cannot read .*gone.safetensors: No such file"):
        fingerprint(tmp_path / "gone.safetensors")
