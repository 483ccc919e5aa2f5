"""Pickled checkpoints: converted where they hold tensors, refused where they want more, and nothing of theirs runs."""

import io
import os
import pickle
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from figment.core.errors import CheckpointError
from figment.core.pickles import convert
from figment.core.unpickle import Refused, read
from figment.core.weights import load


class Touch:
    """What an attacker pickles: unpickled without restriction, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT)


def test_tensors_come_out_as_safetensors(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    state = {"w": weight, "tied": weight, "turned": weight.t(), "part": weight[0], "deep": {"b": torch.ones(2)}}
    torch.save({"state_dict": state, "epoch": 3, "lr": [0.1]}, tmp_path / "model.ckpt")
    convert(tmp_path / "model.ckpt", tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert set(loaded) == {"w", "tied", "turned", "part", "deep.b"}
    for name, expected in (("w", weight), ("tied", weight), ("turned", weight.t()), ("part", weight[0])):
        assert torch.equal(loaded[name], expected)
    assert not list(tmp_path.glob(".*.part"))


def test_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2), "x": Touch(tmp_path / "touched")}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError, match=r"evil.ckpt was refused: loading it would run code \(\w+\.open\)"):
        convert(tmp_path / "evil.ckpt", tmp_path / "model.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {"evil.ckpt"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_bare_pickles_do_not_run(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Touch(tmp_path / "touched"), protocol=protocol))
    with pytest.raises(Refused):
        read(tmp_path / "evil.pt")
    assert not (tmp_path / "touched").exists()


def test_old_checkpoints(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "old", _use_new_zipfile_serialization=False)
    assert torch.equal(read(tmp_path / "old")["w"], torch.ones(2))
    torch.save({"x": Touch(tmp_path / "touched")}, tmp_path / "evil", _use_new_zipfile_serialization=False)
    with pytest.raises(Refused, match="would run code"):
        read(tmp_path / "evil")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("new", [True, False])
def test_every_cut_is_refused(tmp_path: Path, new: bool) -> None:
    torch.save({"w": torch.ones(64)}, tmp_path / "whole", _use_new_zipfile_serialization=new)
    content = (tmp_path / "whole").read_bytes()
    for length in range(1, len(content) - 1, max(1, len(content) // 25)):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(Refused):
            read(tmp_path / "cut")


def test_other_objects_are_said(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2), "loss": np.arange(3)}, tmp_path / "m")
    with pytest.raises(Refused, match=r"would run code \(numpy"):
        read(tmp_path / "m")
    torch.save([torch.ones(2)], tmp_path / "list")
    with pytest.raises(Refused, match="no tensors by name"):
        read(tmp_path / "list")


def test_harmless_names_of_lightning_are_passed_over_and_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "planted" / "pytorch_lightning" / "callbacks" / "model_checkpoint.py"
    module.parent.mkdir(parents=True)
    for folder in (module.parent, module.parent.parent):
        (folder / "__init__.py").touch()
    module.write_text(f"open({str(tmp_path / 'touched')!r}, 'w')\nclass ModelCheckpoint: pass\n")
    monkeypatch.setenv("PYTHONPATH", str(module.parents[2]))  # where the child, too, would find it
    lightning = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    named = type("ModelCheckpoint", (), {"__module__": lightning.__name__})
    lightning.ModelCheckpoint = named  # type: ignore[attr-defined]  # a module made by hand
    state = {named: {"best_model_score": np.float64(0.5), "made": named()}}
    with monkeypatch.context() as patch:
        for name in ("pytorch_lightning", "pytorch_lightning.callbacks", lightning.__name__):
            patch.setitem(sys.modules, name, lightning)
        torch.save({"callbacks": state, "state_dict": {"w": torch.ones(2)}}, tmp_path / "old.ckpt")
    convert(tmp_path / "old.ckpt", tmp_path / "new.safetensors")
    assert torch.equal(load(tmp_path / "new.safetensors")["w"], torch.ones(2))
    assert not (tmp_path / "touched").exists()


def test_packed_archives_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    (tmp_path / "bomb.ckpt").write_bytes(content.getvalue())
    with pytest.raises(CheckpointError, match="not one that PyTorch wrote"):
        convert(tmp_path / "bomb.ckpt", tmp_path / "m")
    (tmp_path / "bomb.ckpt").write_bytes(content.getvalue()[:-30])
    with pytest.raises(CheckpointError, match="cut off or damaged"):
        convert(tmp_path / "bomb.ckpt", tmp_path / "m")


def test_safetensors_need_no_conversion(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    with pytest.raises(CheckpointError, match="safetensors already"):
        convert(tmp_path / "m", tmp_path / "n")


def test_a_child_that_stalls_is_ended(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"not read within 0.01 s"):
        convert(tmp_path / "m", tmp_path / "n", seconds=0.01)
