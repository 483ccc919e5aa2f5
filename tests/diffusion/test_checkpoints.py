"""Checkpoints of every kind, against what diffusers makes of the same files; and files that are none."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils
from safetensors.torch import load_file, save_file
from tests.diffusion import made
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from figment.core.errors import CheckpointError
from figment.diffusion.checkpoints import Checkpoint, open_autoencoder, open_checkpoint
from figment.diffusion.kinds import Base, Part
from figment.diffusion.networks import Conditioning
from figment.diffusion.torch_backend import TorchBackend, text_network

BASES = list(Base)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Base, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {base: made.write(root / f"{base.name}.safetensors", base) for base in BASES}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("base", BASES)
def test_a_kind_is_told_by_names_and_shapes_alone(files: dict[Base, Path], base: Base) -> None:
    kind = open_checkpoint(files[base]).kind
    assert (kind.base, kind.inpainting, kind.prediction) == (base, False, "noise")
    for part, config in made.configs(base).items():
        for key, value in config.items():
            found = kind.configs[part].get(key)
            if key == "projection_dim" and part == "text":
                continue  # it has none
            assert found == value or (isinstance(found, list) and set(found) == {value}), (part, key)


@pytest.mark.parametrize("base", BASES)
def test_every_tensor_is_what_diffusers_makes_of_it(files: dict[Base, Path], base: Base) -> None:
    opened = open_checkpoint(files[base])
    original = load_file(files[base])
    configs: dict[Any, Any] = dict(opened.kind.configs)
    unet = configs["unet"] | {
        "addition_embed_type": configs["unet"].get("addition_embed_type"),
        "class_embed_type": None,
    }
    theirs: dict[Part, Any] = {
        "unet": single_file_utils.convert_ldm_unet_checkpoint(dict(original), unet),
        "vae": single_file_utils.convert_ldm_vae_checkpoint(dict(original), configs["vae"]),
    }
    for part, expected in theirs.items():
        found = opened.parts[part]
        assert set(found) == set(expected), part
        assert all(torch.equal(found[name], tensor.view(found[name].shape)) for name, tensor in expected.items()), part


@pytest.mark.parametrize("base", [Base.SD1, Base.SDXL])
def test_the_text_encoder_of_clip_is_what_diffusers_makes_of_it(files: dict[Base, Path], base: Base) -> None:
    original = load_file(files[base])
    expected = single_file_utils.convert_ldm_clip_checkpoint(dict(original))
    found = open_checkpoint(files[base]).parts["text"]
    assert {name.removeprefix("text_model.") for name in expected} == set(found)
    assert all(torch.equal(found[name.removeprefix("text_model.")], tensor) for name, tensor in expected.items())


def test_the_text_encoder_of_open_clip_is_what_diffusers_makes_of_it(files: dict[Base, Path]) -> None:
    opened = open_checkpoint(files[Base.SDXL])
    whole = CLIPTextModelWithProjection(CLIPTextConfig(**opened.kind.configs["text_2"]))
    expected = single_file_utils.convert_open_clip_checkpoint(
        whole, load_file(files[Base.SDXL]), prefix="conditioner.embedders.1.model."
    )
    found = opened.parts["text_2"]
    names = {name for name in expected if not name.endswith("position_ids")}
    assert names == set(found)
    assert all(torch.equal(found[name], expected[name]) for name in names)


@pytest.mark.parametrize("base", BASES)
def test_networks_are_filled_and_run(files: dict[Base, Path], base: Base) -> None:
    opened = open_checkpoint(files[base])
    backend = TorchBackend(torch.device("cpu"), torch.float32)
    width = opened.kind.configs["unet"]["cross_attention_dim"]
    large = "text_2" in opened.parts
    told = Conditioning(
        torch.randn(2, 77, width),
        torch.randn(2, 96) if large else None,
        torch.full((2, 6 if base is Base.SDXL else 5), 64.0) if large else None,
    )
    unet = backend.unet(opened.kind, opened.parts["unet"])
    x = torch.randn(2, 4, 16, 8)
    whole, between = (unet(x, torch.full((2,), time), told) for time in (500.0, 500.5))
    assert whole.shape == x.shape
    assert whole.isfinite().all()
    assert not torch.equal(whole, between)
    vae = backend.autoencoder(opened.kind, opened.parts["vae"])
    assert vae.decode(vae.encode(torch.zeros(1, 3, 64, 32))).shape == (1, 3, 64, 32)
    parts: tuple[Part, ...] = ("text", "text_2")
    for part in parts:
        if part in opened.parts:
            network = text_network(opened.kind, part, opened.parts[part])
            assert network(torch.tensor([[49406, 320, 49407]])).last_hidden_state.isfinite().all()


@pytest.mark.parametrize("base", [Base.SD1, Base.SDXL])
def test_inpainting_is_told_by_nine_channels(tmp_path: Path, base: Base) -> None:
    opened = open_checkpoint(made.write(tmp_path / "a.safetensors", base, inpainting=True))
    assert opened.kind.inpainting
    assert opened.kind.configs["unet"]["in_channels"] == 9


def test_what_the_unet_predicts_is_read_from_where_it_stands(tmp_path: Path) -> None:
    tensors = made.tensors(Base.SD2)
    plain = tmp_path / "plain.safetensors"
    save_file(tensors, plain)
    assert not open_checkpoint(plain).prediction_known
    assert open_checkpoint(plain, "v").kind.prediction == "v"
    marked = tmp_path / "marked.safetensors"
    save_file(tensors | {"v_pred": torch.zeros(1)}, marked)
    assert open_checkpoint(marked).kind.prediction == "v"
    told = tmp_path / "told.safetensors"
    save_file(tensors, told, {"modelspec.prediction_type": "v"})
    assert open_checkpoint(told).kind.prediction == "v"
    plain.with_suffix(".yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    opened = open_checkpoint(plain)
    assert opened.kind.prediction == "v"
    assert opened.prediction_known


def same(first: Checkpoint, second: Checkpoint) -> bool:
    return all(
        set(first.parts[part]) == set(second.parts[part])
        and all(torch.equal(weights[name].half(), second.parts[part][name].half()) for name in weights)
        for part, weights in first.parts.items()
    )


def test_a_pickled_checkpoint_of_lightning_is_converted_once(files: dict[Base, Path], tmp_path: Path) -> None:
    old = tmp_path / "old.ckpt"
    _write_lightning(old, load_file(files[Base.SD1]))
    opened = open_checkpoint(old)
    assert opened.name == "old"
    assert same(opened, open_checkpoint(files[Base.SD1]))
    kept = list((tmp_path / "cache" / "converted").iterdir())
    open_checkpoint(old)
    assert list((tmp_path / "cache" / "converted").iterdir()) == kept
    assert len(kept) == 1


def _write_lightning(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """As PyTorch Lightning did in 2022: a class as the key of its callbacks, and a number of numpy."""
    import sys
    import types

    import numpy as np

    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    made_there = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = made_there  # type: ignore[attr-defined]  # a module made by hand
    names = ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__)
    for name in names:
        sys.modules[name] = module
    try:
        state = {made_there: {"best_model_score": np.float64(0.5)}}
        torch.save({"epoch": 3, "callbacks": state, "state_dict": tensors}, path)
    finally:
        for name in names:
            del sys.modules[name]


@pytest.mark.parametrize("base", [Base.SD1, Base.SDXL])
def test_a_folder_of_diffusers_is_the_same_model(files: dict[Base, Path], tmp_path: Path, base: Base) -> None:
    opened = open_checkpoint(made.folder(tmp_path / "model", base))
    assert opened.kind.base is base
    assert same(opened, open_checkpoint(files[base]))


def test_the_text_encoder_of_sd2_in_a_folder_ends_where_states_are_taken(tmp_path: Path) -> None:
    assert open_checkpoint(made.folder(tmp_path / "model", Base.SD2)).kind.depth == 1
    assert open_checkpoint(made.write(tmp_path / "a.safetensors", Base.SD2)).kind.depth == 2


def test_an_autoencoder_of_its_own_is_read_with_and_without_prefix(files: dict[Base, Path], tmp_path: Path) -> None:
    whole = load_file(files[Base.SD1])
    inside = {name: tensor for name, tensor in whole.items() if name.startswith("first_stage_model.")}
    save_file(inside, tmp_path / "prefixed.safetensors")
    save_file(
        {name.removeprefix("first_stage_model."): one for name, one in inside.items()}, tmp_path / "bare.safetensors"
    )
    torch.save(
        {"state_dict": {name.removeprefix("first_stage_model."): one for name, one in inside.items()}},
        tmp_path / "a.vae.pt",
    )
    expected = open_checkpoint(files[Base.SD1]).parts["vae"]
    for name in ("prefixed.safetensors", "bare.safetensors", "a.vae.pt"):
        _, found = open_autoencoder(tmp_path / name)
        assert set(found) == set(expected)
        assert all(torch.equal(found[key], expected[key]) for key in expected)


def without(tensors: dict[str, torch.Tensor], start: str) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(start)}


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("first_stage_model.", r"lacks its autoencoder \(VAE\)"),
        ("cond_stage_model.", "lacks its text encoder; use the full checkpoint"),
        ("model.diffusion_model.", "is an autoencoder"),
        ("model.diffusion_model.input_blocks.4.", "lacks blocks of its UNet"),
        (
            "model.diffusion_model.output_blocks.4.0.",
            r"lacks the tensor model.diffusion_model.output_blocks.4.0.*and \d+ more",
        ),
        ("model.diffusion_model.middle_block.", "lacks the tensor middle_block"),
        ("first_stage_model.decoder.up.2.block.1.conv1.bias", "lacks the tensor first_stage_model.decoder.up.2"),
    ],
)
def test_what_is_missing_is_named(files: dict[Base, Path], tmp_path: Path, start: str, message: str) -> None:
    path = tmp_path / "cut.safetensors"
    save_file(without(load_file(files[Base.SD1]), start), path)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(files: dict[Base, Path], tmp_path: Path, value: float) -> None:
    tensors = load_file(files[Base.SD1])
    tensors["model.diffusion_model.out.2.weight"].fill_(value)
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"is spoilt: model\.diffusion_model\.out\.2\.weight holds numbers"):
        open_checkpoint(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"],
            "is a LoRA, not a checkpoint; put it into models/Lora",
        ),
        (["emb_params"], "is a textual-inversion embedding"),
        (["decoder.conv_in.weight"], r"is an autoencoder \(VAE\) alone"),
        (["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"], "is Flux, which is not supported"),
        (
            ["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"],
            "is Stable Diffusion 3, which is not supported",
        ),
        (["model.diffusion_model.out.0.bias"], "is a part of a model alone"),
        (["x"], "is no Stable Diffusion checkpoint"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path: Path, names: list[str], message: str) -> None:
    save_file({name: torch.zeros(2, 2) for name in names}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; copy it again"),
        (b"<!DOCTYPE html><html>", "is a web page, not a model"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"\xff" * 64, "is neither safetensors nor a PyTorch checkpoint"),
        ((2**62).to_bytes(8, "little") + b"{}", "is cut off"),
    ],
)
def test_files_that_are_no_models_are_called_what_they_are(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(path)


def test_a_truncated_file_is_refused(files: dict[Base, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(files[Base.SD1].read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is cut off: 100 bytes are missing"):
        open_checkpoint(path)


def test_a_folder_without_its_parts_is_refused(tmp_path: Path) -> None:
    root = made.folder(tmp_path / "model")
    (root / "unet" / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="is no JSON object"):
        open_checkpoint(root)
    (root / "unet" / "config.json").write_text(json.dumps(made.configs(Base.SD1)["unet"]))
    (root / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"holds no .safetensors file"):
        open_checkpoint(root)
