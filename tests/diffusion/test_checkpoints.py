"""Checkpoints of all forms: single files, pickles, folders, autoencoders alone."""

import gc
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.diffusion import made

from figment.core.errors import CheckpointError
from figment.diffusion.checkpoints import Checkpoint, open_autoencoder, open_checkpoint
from figment.diffusion.kinds import Base


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
    plain.with_suffix(".yaml").unlink()
    plain.with_suffix(".json").write_text('{"prediction_type": "v_prediction"}')
    assert open_checkpoint(plain).kind.prediction == "v"
    for content in ("[", "[]", '{"prediction_type": 5}', '{"prediction_type": "sample"}'):
        plain.with_suffix(".json").write_text(content)
        assert not open_checkpoint(plain).prediction_known


def same(first: Checkpoint, second: Checkpoint) -> bool:
    return all(
        set(first.parts[part]) == set(second.parts[part])
        and all(torch.equal(weights[name].half(), second.parts[part][name].half()) for name in weights)
        for part, weights in first.parts.items()
    )


def test_a_pickled_checkpoint_is_converted_once(checkpoints: dict[Base, Path], tmp_path: Path) -> None:
    old = tmp_path / "old.ckpt"
    torch.save({"epoch": 3, "state_dict": load_file(checkpoints[Base.SD1])}, old)
    opened = open_checkpoint(old)
    assert opened.name == "old"
    assert same(opened, open_checkpoint(checkpoints[Base.SD1]))
    kept = list((tmp_path / "cache" / "converted").iterdir())
    open_checkpoint(old)
    assert list((tmp_path / "cache" / "converted").iterdir()) == kept
    assert len(kept) == 1


@pytest.mark.parametrize("base", [Base.SD1, Base.SDXL])
def test_a_folder_of_diffusers_is_the_same_model(checkpoints: dict[Base, Path], tmp_path: Path, base: Base) -> None:
    opened = open_checkpoint(made.folder(tmp_path / "model", base))
    assert opened.kind.base is base
    assert same(opened, open_checkpoint(checkpoints[base]))


def test_the_text_encoder_of_sd2_in_a_folder_ends_where_states_are_taken(tmp_path: Path) -> None:
    assert open_checkpoint(made.folder(tmp_path / "model", Base.SD2)).kind.depth == 1
    assert open_checkpoint(made.write(tmp_path / "a.safetensors", Base.SD2)).kind.depth == 2


def test_an_autoencoder_of_its_own_is_read_with_and_without_prefix(
    checkpoints: dict[Base, Path], tmp_path: Path
) -> None:
    whole = load_file(checkpoints[Base.SD1])
    inside = {name: tensor for name, tensor in whole.items() if name.startswith("first_stage_model.")}
    save_file(inside, tmp_path / "prefixed.safetensors")
    save_file(
        {name.removeprefix("first_stage_model."): one for name, one in inside.items()}, tmp_path / "bare.safetensors"
    )
    torch.save(
        {"state_dict": {name.removeprefix("first_stage_model."): one for name, one in inside.items()}},
        tmp_path / "a.vae.pt",
    )
    expected = open_checkpoint(checkpoints[Base.SD1]).parts["vae"]
    for name in ("prefixed.safetensors", "bare.safetensors", "a.vae.pt"):
        _, found = open_autoencoder(tmp_path / name)
        assert set(found) == set(expected)
        assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_folder_without_its_parts_is_refused(tmp_path: Path) -> None:
    root = made.folder(tmp_path / "model")
    (root / "unet" / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="is no JSON object"):
        open_checkpoint(root)
    (root / "unet" / "config.json").write_text(json.dumps(made.configs(Base.SD1)["unet"]))
    (root / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"holds no .safetensors file"):
        open_checkpoint(root)


def test_a_folder_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    root = made.folder(tmp_path / "model")
    file = root / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    del tensors["conv_in.bias"]
    save_file(tensors, file)
    with pytest.raises(CheckpointError, match=r"lacks the tensor conv_in\.bias"):
        open_checkpoint(root)


def test_of_a_folders_variants_the_full_one_is_read(tmp_path: Path) -> None:
    root = made.folder(tmp_path / "model")
    file = root / "unet" / "diffusion_pytorch_model.safetensors"
    half = {name: tensor.half() for name, tensor in load_file(file).items()}
    save_file(half, file.with_suffix(".fp16.safetensors"))
    assert open_checkpoint(root).parts["unet"]["conv_in.bias"].dtype == torch.float32
    file.unlink()
    assert torch.equal(open_checkpoint(root).parts["unet"]["conv_in.bias"], half["conv_in.bias"])


def test_an_autoencoder_in_diffusers_names_of_any_age_is_read(tmp_path: Path) -> None:
    expected = made.networks(Base.SD1)["vae"]
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    aged = dict(expected)
    for name in expected:
        for new, before in old.items():
            if f".attentions.0.{new}." in name:
                aged[name.replace(new, before)] = aged.pop(name)
    for number, tensors in enumerate((expected, aged)):
        path = tmp_path / f"{number}.safetensors"
        save_file(tensors, path)
        config, found = open_autoencoder(path)
        assert set(found) == set(expected)
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
        assert config["block_out_channels"] == made.configs(Base.SD1)["vae"]["block_out_channels"]
    del aged["encoder.conv_in.bias"]
    save_file(aged, tmp_path / "cut.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks the tensor encoder\.conv_in\.bias"):
        open_autoencoder(tmp_path / "cut.safetensors")


def test_a_lora_is_no_autoencoder(tmp_path: Path) -> None:
    save_file({"lora_te_x.lora_up.weight": torch.zeros(2)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"is no autoencoder \(VAE\): it has no decoder"):
        open_autoencoder(tmp_path / "a.safetensors")


def test_old_files_name_the_attention_of_the_autoencoder_as_matrices(
    checkpoints: dict[Base, Path], tmp_path: Path
) -> None:
    """Single files hold 1x1 convolutions; some programs write them back as matrices."""
    tensors = load_file(checkpoints[Base.SD1])
    for name, tensor in tensors.items():
        if ".attn_1." in name and tensor.dim() == 4:
            tensors[name] = tensor[:, :, 0, 0].contiguous()
    save_file(tensors, tmp_path / "a.safetensors")
    assert same(open_checkpoint(tmp_path / "a.safetensors"), open_checkpoint(checkpoints[Base.SD1]))


def test_a_clip_without_the_prefix_of_transformers_is_read(checkpoints: dict[Base, Path], tmp_path: Path) -> None:
    tensors = {name.replace(".text_model.", "."): one for name, one in load_file(checkpoints[Base.SD1]).items()}
    save_file(tensors, tmp_path / "a.safetensors")
    assert same(open_checkpoint(tmp_path / "a.safetensors"), open_checkpoint(checkpoints[Base.SD1]))


@pytest.mark.parametrize(
    "name",
    [
        "model.diffusion_model.out.0.weight",
        "first_stage_model.decoder.mid.attn_1.q.weight",
        "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_bias",
    ],
)
def test_a_tensor_of_another_shape_is_named(checkpoints: dict[Base, Path], tmp_path: Path, name: str) -> None:
    save_file(load_file(checkpoints[Base.SD2]) | {name: torch.ones(7)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=rf"has {name} as \(7,\), which does not fit its network"):
        open_checkpoint(tmp_path / "a.safetensors")


def test_a_folder_whose_configuration_is_of_another_model_is_refused(tmp_path: Path) -> None:
    root = made.folder(tmp_path / "model")
    config = made.configs(Base.SD1)["unet"]
    file = root / "unet" / "config.json"
    file.write_text(json.dumps(config | {"cross_attention_dim": 32}))
    with pytest.raises(CheckpointError, match=r"attn2.to_k.weight as \(32, 64\), which does not fit its network"):
        open_checkpoint(root)
    for wrong in ({"block_out_channels": 5}, {"layers_per_block": 10**9}, {"transformer_layers_per_block": [1, 10**9]}):
        file.write_text(json.dumps(config | wrong))
        with pytest.raises(CheckpointError, match=r"config.json does not describe its network"):
            open_checkpoint(root)


def test_a_folder_of_todays_transformers_is_read(checkpoints: dict[Base, Path], tmp_path: Path) -> None:
    """Its text encoder has no prefix any more."""
    root = made.folder(tmp_path / "model")
    file = root / "text_encoder" / "model.safetensors"
    save_file({name.removeprefix("text_model."): tensor for name, tensor in load_file(file).items()}, file)
    assert same(open_checkpoint(root), open_checkpoint(checkpoints[Base.SD1]))


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="needs Linux's list of what is mapped")
def test_a_file_is_let_go_with_its_checkpoint(checkpoints: dict[Base, Path]) -> None:
    def mapped() -> bool:
        gc.collect()
        return str(checkpoints[Base.SD2]) in Path("/proc/self/maps").read_text()

    opened = open_checkpoint(checkpoints[Base.SD2])
    tensor = opened.parts["unet"]["conv_in.weight"]
    assert mapped()
    del opened, tensor
    assert not mapped()


def test_hashes_are_those_of_the_web_ui(checkpoints: dict[Base, Path]) -> None:
    opened = open_checkpoint(checkpoints[Base.SD1])
    assert opened.sha256 == hashlib.sha256(checkpoints[Base.SD1].read_bytes()).hexdigest()
    assert opened.hash == opened.sha256[:10]
