"""Files that people drop in: found by name, path or hash, in folders of two programs."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from figment.core.errors import InputError
from figment.diffusion.fingerprints import fingerprint
from figment.studio.drop_in import What, dropped, find


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))


def put(root: Path, name: str, value: float = 0.0) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"x": torch.full((2,), value)}, path)
    return path


@pytest.mark.parametrize(
    ("what", "folder"),
    [
        (What.CHECKPOINT, "models/Stable-diffusion"),
        (What.CHECKPOINT, "models/checkpoints"),
        (What.CHECKPOINT, "models/STABLE-DIFFUSION"),
        (What.LORA, "models/Lora"),
        (What.LORA, "models/loras"),
        (What.LORA, "models/LyCORIS"),
        (What.VAE, "models/VAE"),
        (What.EMBEDDING, "models/embeddings"),
        (What.EMBEDDING, "embeddings"),
        (What.UPSCALER, "models/ESRGAN"),
        (What.UPSCALER, "models/upscale_models"),
    ],
)
def test_the_folders_of_both_programs_are_looked_into(tmp_path: Path, what: What, folder: str) -> None:
    path = put(tmp_path, f"{folder}/deep/one.safetensors")
    assert [(one.name, one.path) for one in dropped(what, tmp_path)] == [("deep/one", path)]


@pytest.mark.parametrize("name", ["Anything", "anything", "sub/anything", "SUB\\Anything", "Anything.safetensors"])
def test_a_file_is_found_by_every_way_of_calling_it(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, "models/Stable-diffusion/sub/Anything.safetensors")
    put(tmp_path, "models/Stable-diffusion/other.safetensors", 1.0)
    assert find(What.CHECKPOINT, name, tmp_path).path == path


def test_a_hash_finds_it_under_any_name_and_tells_twins_apart(tmp_path: Path) -> None:
    first = put(tmp_path, "models/Stable-diffusion/a/same.safetensors")
    second = put(tmp_path, "models/Stable-diffusion/b/same.safetensors", 1.0)
    short = fingerprint(second)[:10]
    assert find(What.CHECKPOINT, f"same [{short}]", tmp_path).path == second
    assert find(What.CHECKPOINT, f"[{short.upper()}]", tmp_path).path == second
    assert find(What.CHECKPOINT, f"renamed [{fingerprint(first)[:10]}]", tmp_path).path == first
    with pytest.raises(InputError, match=r"More than one model is called 'same': .*a/same\.safetensors, .*b/same"):
        find(What.CHECKPOINT, "same", tmp_path)


def test_what_is_not_there_is_told_with_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no LoRA 'miku'; drop its file into .*models/lora"):
        find(What.LORA, "miku", tmp_path)
    put(tmp_path, "models/Lora/mika.safetensors")
    with pytest.raises(InputError, match="There is no LoRA 'miku'; did you mean mika"):
        find(What.LORA, "miku", tmp_path)
    with pytest.raises(InputError, match="There is no LoRA 'zzz'; there are: mika"):
        find(What.LORA, "zzz", tmp_path)


def test_links_that_lead_out_and_parts_of_folders_are_passed_over(tmp_path: Path) -> None:
    outside = put(tmp_path, "secret.safetensors")
    put(tmp_path, "models/Stable-diffusion/folder/unet/diffusion_pytorch_model.safetensors")
    (tmp_path / "models/Stable-diffusion/folder/model_index.json").write_text("{}")
    (tmp_path / "models/Stable-diffusion/link.safetensors").symlink_to(outside)
    (tmp_path / "models/Stable-diffusion/notes.txt").write_text("x")
    assert [one.name for one in dropped(What.CHECKPOINT, tmp_path)] == ["folder"]
