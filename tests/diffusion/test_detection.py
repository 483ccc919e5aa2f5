"""What checkpoints are taken for, and what is said of files that are none."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.diffusion import made

from figment.core.errors import CheckpointError
from figment.diffusion import layout
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.detection import kind_of
from figment.diffusion.kinds import Base

Shape = tuple[int, ...]
UNET, VAE = "model.diffusion_model.", "first_stage_model."


def shapes(base: Base, **how: Any) -> dict[str, Shape]:
    """Shapes of a single file."""
    known = made.shapes(base, **how)
    found: dict[str, Shape] = {}
    for part, places in layout.places(base, made.configs(base, **how)).items():
        for ours, place in places.items():
            shape = tuple(known[part][ours])
            shape = (3 * shape[0], *shape[1:]) if place.third is not None else shape
            found[place.name] = shape[::-1] if place.transposed else shape
    return found


@pytest.mark.parametrize("tiny", [True, False])
@pytest.mark.parametrize("base", list(Base))
def test_a_kind_and_its_configurations_are_told_by_names_and_shapes(base: Base, tiny: bool) -> None:
    """Those of full size are the published ones of the real models."""
    kind = kind_of(shapes(base, tiny=tiny), None, "x")
    assert (kind.base, kind.inpainting, kind.prediction) == (base, False, "noise")
    for part, config in made.configs(base, tiny=tiny).items():
        for key, value in config.items():
            if key == "projection_dim" and part == "text":
                continue  # it has none
            found = kind.configs[part][key]
            assert found == value or (isinstance(found, list) and set(found) == {value}), (part, key)


@pytest.mark.parametrize("base", [Base.SD1, Base.SDXL])
def test_inpainting_is_told_by_nine_channels(base: Base) -> None:
    kind = kind_of(shapes(base, inpainting=True), None, "x")
    assert kind.inpainting
    assert kind.configs["unet"]["in_channels"] == 9


@pytest.mark.parametrize(
    ("channels", "message"),
    [(5, "x is made for depth maps: its UNet takes 5 channels"), (8, "InstructPix2Pix"), (6, "of another make")],
)
def test_other_inputs_are_refused_by_name(channels: int, message: str) -> None:
    name = f"{UNET}input_blocks.0.0.weight"
    found = shapes(Base.SD1)
    with pytest.raises(CheckpointError) as raised:
        kind_of(found | {name: (found[name][0], channels, 3, 3)}, None, "x")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (VAE, r"lacks its autoencoder \(VAE\); use the full"),
        ("cond_stage_model.", "lacks its text encoder; use the full checkpoint"),
        (UNET, "lacks its UNet; use the full checkpoint"),
        (f"{UNET}input_blocks.0.", f"lacks {UNET}input_blocks.0 or is of another make"),
        (f"{UNET}input_blocks.4.", f"lacks {UNET}input_blocks.4;"),
        (f"{UNET}input_blocks.11.", r"has levels of \[2, 2, 2, 1\] layers"),
        (f"{UNET}output_blocks.4.0.", rf"lacks the tensor {UNET}output_blocks.4.0.* and \d+ more"),
        (f"{UNET}middle_block.", f"lacks the tensor {UNET}middle_block"),
        (f"{VAE}encoder.down.1.", f"lacks {VAE}encoder.down.1;"),
        (f"{VAE}decoder.up.2.block.1.conv1.bias", f"lacks the tensor {VAE}decoder.up.2.block.1.conv1.bias;"),
        (
            "cond_stage_model.transformer.text_model.encoder.layers.1.",
            "lacks cond_stage_model.transformer.text_model.encoder.layers.1;",
        ),
    ],
)
def test_what_is_missing_is_named(checkpoints: dict[Base, Path], tmp_path: Path, start: str, message: str) -> None:
    whole = load_file(checkpoints[Base.SD1])
    path = tmp_path / "cut.safetensors"
    save_file({name: tensor for name, tensor in whole.items() if not name.startswith(start)}, path)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(path)


def test_a_text_encoder_of_known_width_has_all_its_layers() -> None:
    found = shapes(Base.SD1, tiny=False)
    last = "cond_stage_model.transformer.text_model.encoder.layers.11."
    with pytest.raises(CheckpointError, match="has 11 layers of a text encoder of 12"):
        kind_of({name: shape for name, shape in found.items() if not name.startswith(last)}, None, "x")


def test_a_tensor_of_another_shape_is_named() -> None:
    name = f"{UNET}middle_block.1.proj_in.weight"
    with pytest.raises(CheckpointError, match=rf"has {name} as \(7,\), which should have 2 or 4 sides"):
        kind_of(shapes(Base.SD1) | {name: (7,)}, None, "x")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", "is a LoRA, not a checkpoint; put it into"),
        ("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", "is a LoRA"),
        ("emb_params", "is a textual-inversion embedding"),
        ("decoder.conv_in.weight", r"is an autoencoder \(VAE\) alone"),
        ("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "is Flux, which is not supported"),
        ("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", "is Stable Diffusion 3, which is not"),
        ("control_model.input_hint_block.0.weight", "is a ControlNet, which is not supported"),
        ("down_blocks.0.resnets.0.conv1.bias", "is a UNet alone"),
        ("x", "is no Stable Diffusion checkpoint"),
    ],
)
def test_other_files_are_called_what_they_are(name: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        kind_of({name: (2, 2)}, None, "x")


def test_stable_diffusion_3_with_its_autoencoder_is_not_taken_for_an_autoencoder() -> None:
    found = {"model.diffusion_model.joint_blocks.0.x": (1,), "first_stage_model.decoder.conv_in.weight": (4, 16, 3, 3)}
    with pytest.raises(CheckpointError, match="is Stable Diffusion 3"):
        kind_of(found, None, "x")


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


def test_a_truncated_file_is_refused(checkpoints: dict[Base, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(checkpoints[Base.SD1].read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is cut off: 100 bytes are missing"):
        open_checkpoint(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(checkpoints: dict[Base, Path], tmp_path: Path, value: float) -> None:
    tensors = load_file(checkpoints[Base.SD1])
    tensors[f"{UNET}out.2.weight"].fill_(value)
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"is spoilt: model\.diffusion_model\.out\.2\.weight holds numbers"):
        open_checkpoint(tmp_path / "a.safetensors")


def test_tensors_of_no_network_are_told_but_for_what_training_leaves(
    checkpoints: dict[Base, Path], tmp_path: Path
) -> None:
    left = ("model_ema.decay", "first_stage_model.loss.logvar", "cond_stage_model.logit_scale", "betas")
    tensors = load_file(checkpoints[Base.SD1]) | {name: torch.zeros(1) for name in (*left, f"{UNET}extra.weight")}
    save_file(tensors, tmp_path / "a.safetensors")
    assert open_checkpoint(tmp_path / "a.safetensors").unused == (f"{UNET}extra.weight",)
    assert all(open_checkpoint(path).unused == () for path in checkpoints.values())
