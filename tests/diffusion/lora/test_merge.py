"""LoRAs laid over weights, layer by layer and all at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.diffusion.lora.tiny import SD1, SDXL, random, text, unet
from torch import Tensor

from figment.core.errors import CheckpointError
from figment.diffusion.kinds import Base, Part
from figment.diffusion.lora import Lora, check, merged, read

RANK = 2


def lora(tmp_path: Path, tensors: Mapping[str, Tensor], name: str = "miku") -> Lora:
    path = tmp_path / f"{name}.safetensors"
    save_file({key: tensor.clone().contiguous() for key, tensor in tensors.items()}, path)
    return read(path)


def everywhere(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """A kohya LoRA of every module with two dimensions or more; differences of the norms."""
    tensors = {}
    for seed, (name, weight) in enumerate(weights.items()):
        module = prefix + name.removesuffix(".weight").replace(".", "_")
        if name.endswith("norm.weight") and weight.ndim == 1:
            tensors[f"{module}.w_norm"] = random(*weight.shape, seed=seed)
            tensors[f"{module}.b_norm"] = random(*weight.shape, seed=-seed - 1)
        elif name.endswith(".weight") and weight.ndim > 1:
            tensors[f"{module}.lora_up.weight"] = random(weight.shape[0], RANK, *[1] * (weight.ndim - 2), seed=seed)
            tensors[f"{module}.lora_down.weight"] = random(RANK, *weight.shape[1:], seed=-seed - 1)
            tensors[f"{module}.alpha"] = torch.tensor(1.0)
    return tensors


def expected(name: str, weight: Tensor, tensors: Mapping[str, Tensor], prefix: str, strength: float) -> Tensor:
    """By the formula, in float64."""
    module = prefix + name.rpartition(".")[0].replace(".", "_")
    change = tensors.get(f"{module}.{'w' if name.endswith('.weight') else 'b'}_norm")
    if change is None and name.endswith(".weight") and f"{module}.alpha" in tensors:
        up, down = (tensors[f"{module}.lora_{side}.weight"].double().flatten(1) for side in ("up", "down"))
        change = (up @ down / RANK).view(weight.shape)
    return weight.double() if change is None else weight.double() + strength * change.double()


@pytest.mark.parametrize(
    ("part", "prefix"), [("unet", "lora_unet_"), ("text", "lora_te1_text_model_"), ("text_2", "lora_te2_")]
)
def test_every_module_is_changed_by_the_formula(tmp_path: Path, part: Part, prefix: str) -> None:
    weights = unet(SDXL) if part == "unet" else text(part)
    tensors = everywhere(weights, prefix)
    found = lora(tmp_path, tensors)
    assert check(found, {part: weights}) == ()
    new = merged(weights, part, [(found, 0.7)])
    assert list(new) == list(weights)
    assert len(new) == len(weights)
    changed = 0
    for name, weight in weights.items():
        assert float((new[name].double() - expected(name, weight, tensors, prefix, 0.7)).abs().max()) < 1e-5
        changed += not torch.equal(new[name], weight)
    assert changed >= len(found.layers)


def test_the_pristine_weights_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(unet(), path)
    before, bytes_ = unet(), path.read_bytes()
    weights = load_file(path)
    found = lora(tmp_path, {**everywhere(weights, "lora_unet_"), "lora_unet_conv_out.diff_b": random(4)})
    new = merged(weights, "unet", [(found, 1.0), (found, -0.5)])
    for tensor in new.values():
        if tensor.dtype is torch.float32:
            tensor.zero_()
    assert all(torch.equal(weights[name], before[name]) for name in before)
    assert path.read_bytes() == bytes_
    assert merged(weights, "unet", []) is weights
    assert merged(weights, "unet", [(found, 0.0)]) is weights


def test_what_no_lora_touches_comes_as_it_is(tmp_path: Path) -> None:
    weights = unet()
    found = lora(tmp_path, {"lora_unet_conv_out.diff": random(4, 16, 3, 3)})
    new = merged(weights, "unet", [(found, 1.0)])
    assert new["conv_in.weight"] is weights["conv_in.weight"]
    assert new["conv_out.bias"] is weights["conv_out.bias"]
    assert new["conv_out.weight"].dtype is torch.float32
    assert "conv_in.weight" in new
    assert "conv_up.weight" not in new
    with pytest.raises(KeyError):
        new["conv_up.weight"]


def test_float32_weights_are_not_changed_in_place(tmp_path: Path) -> None:
    weights = {name: tensor.float() for name, tensor in unet().items()}
    found = lora(tmp_path, {"lora_unet_conv_out.diff": random(4, 16, 3, 3)})
    kept = weights["conv_out.weight"].clone()
    new = merged(weights, "unet", [(found, 1.0)])
    assert torch.equal(new["conv_out.weight"], kept + random(4, 16, 3, 3))
    assert torch.equal(weights["conv_out.weight"], kept)


def test_loras_follow_one_another(tmp_path: Path) -> None:
    """The second scales what the first has made."""
    weights = {name: tensor.float() for name, tensor in unet().items()}
    adds = lora(tmp_path, {"lora_unet_conv_out.diff": random(4, 16, 3, 3)}, "adds")
    doubles = lora(
        tmp_path,
        {"lora_unet_conv_out.weight": torch.ones(4), "lora_unet_conv_out.on_input": torch.tensor(0)},
        "doubles",
    )
    weight, diff = weights["conv_out.weight"], random(4, 16, 3, 3)
    for chosen, result in (
        ([(adds, 1.0), (doubles, 1.0)], 2 * (weight + diff)),
        ([(doubles, 1.0), (adds, 1.0)], 2 * weight + diff),
        ([(adds, 0.5), (doubles, 0.25)], 1.25 * (weight + diff / 2)),
    ):
        new = merged(weights, "unet", chosen)
        assert torch.allclose(new["conv_out.weight"], result, atol=1e-6)


def test_biases_have_their_share(tmp_path: Path) -> None:
    weights = unet()
    found = lora(tmp_path, {"lora_unet_conv_out.diff_b": random(4)})
    new = merged(weights, "unet", [(found, 0.5)])
    assert torch.allclose(new["conv_out.bias"], weights["conv_out.bias"].float() + random(4) / 2)
    assert torch.equal(new["conv_out.weight"], weights["conv_out.weight"].float())


@pytest.mark.parametrize("part", ["text", "text_2"])
def test_openclips_joined_attention_is_cut_in_three(tmp_path: Path, part: Part) -> None:
    weights = text(part)
    prefix = "text_model." if part == "text_2" else ""
    names = [f"{prefix}encoder.layers.1.self_attn.{letter}_proj" for letter in "qkv"]
    module = f"lora_te{2 if part == 'text_2' else ''}_model_transformer_resblocks_1_attn_in_proj"
    blocks, bias = random(9, 8, 8), random(72, seed=1)
    turning = lora(tmp_path, {f"{module}.oft_blocks": blocks}, "turning")
    adding = lora(tmp_path, {f"{module}.diff": random(72, 24), f"{module}.diff_b": bias}, "adding")
    whole = torch.cat([weights[f"{name}.weight"].float() for name in names])
    turned = whole + turning.layers[part, module.split("model_")[1]].change(whole)
    new = merged(weights, part, [(turning, 1.0)])
    assert torch.allclose(torch.cat([new[f"{name}.weight"] for name in names]), turned, atol=1e-6)
    new = merged(weights, part, [(adding, 1.0)])
    assert torch.allclose(torch.cat([new[f"{name}.weight"] for name in names]), whole + random(72, 24), atol=1e-6)
    biases = torch.cat([weights[f"{name}.bias"].float() for name in names])
    assert torch.allclose(torch.cat([new[f"{name}.bias"] for name in names]), biases + bias, atol=1e-6)


def test_parts_have_strengths_of_their_own(tmp_path: Path) -> None:
    model: dict[Part, dict[str, Tensor]] = {"unet": unet(), "text": text()}
    fc1 = "encoder.layers.0.mlp.fc1"
    shape = model["text"][f"{fc1}.weight"].shape
    tensors = {
        "lora_unet_conv_out.diff": random(4, 16, 3, 3),
        "lora_te_text_model_encoder_layers_0_mlp_fc1.diff": random(*shape),
    }
    found = lora(tmp_path, tensors)
    image = merged(model["unet"], "unet", [(found, 0.5)])["conv_out.weight"]
    words = merged(model["text"], "text", [(found, 2.0)])[f"{fc1}.weight"]
    assert torch.allclose(image, model["unet"]["conv_out.weight"].float() + random(4, 16, 3, 3) / 2)
    assert torch.allclose(words, model["text"][f"{fc1}.weight"].float() + random(*shape) * 2)


def test_says_which_layers_a_model_lacks(tmp_path: Path) -> None:
    tensors = {
        "lora_unet_conv_out.diff": random(4, 16, 3, 3),
        "lora_unet_conv_beyond.diff": random(4, 4),
        "lora_te2_text_projection.diff": random(24, 24),
        "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.diff_b": random(16),
    }
    found = lora(tmp_path, tensors)
    lacking = check(found, {"unet": unet(), "text": text()})
    assert set(lacking) == {
        "unet: conv_beyond",
        "text_2: text_projection",
        "unet: down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q (bias)",
    }
    assert "conv_out.weight" in merged(unet(), "unet", [(found, 1.0)])


def test_refuses_a_lora_of_which_nothing_fits(tmp_path: Path) -> None:
    found = lora(tmp_path, {"lora_unet_double_blocks_0_img_attn_qkv.diff": random(4, 4)})
    with pytest.raises(CheckpointError, match=r"miku\.safetensors was made for another kind of model"):
        check(found, {"unet": unet(), "text": text()})


def listening(width: int) -> dict[str, Tensor]:
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    return {f"{module}.lora_up.weight": random(16, RANK), f"{module}.lora_down.weight": random(RANK, width)}


def test_refuses_a_lora_of_another_model(tmp_path: Path) -> None:
    found = lora(tmp_path, listening(2048))
    with pytest.raises(CheckpointError, match=r"^miku\.safetensors was made for SDXL; this checkpoint is SD1\.x\.$"):
        check(found, {"unet": unet()}, Base.SD1)
    with pytest.raises(CheckpointError, match=r"^miku\.safetensors was made for SDXL; this checkpoint is SD1\.x\.$"):
        merged(unet({**SD1, "cross_attention_dim": 768}), "unet", [(found, 1.0)])


def test_refuses_layers_of_other_shapes(tmp_path: Path) -> None:
    found = lora(tmp_path, listening(25))
    for act in (lambda: merged(unet(), "unet", [(found, 1.0)]), lambda: check(found, {"unet": unet()})):
        with pytest.raises(CheckpointError, match=r"attn2_to_k is for weights of 16 x 25, not of 16 x 24"):
            act()


def test_fits_inpainting_networks_of_nine_channels(tmp_path: Path) -> None:
    """What is trained on latents alone changes the first four channels; what is trained on all nine changes all."""
    weights = unet({**SD1, "in_channels": 9})
    plain = weights["conv_in.weight"].float()
    latents = lora(tmp_path, {"lora_unet_conv_in.diff": random(16, 4, 3, 3)}, "latents")
    whole = lora(tmp_path, {"lora_unet_input_blocks_0_0.diff": random(16, 9, 3, 3)}, "whole")
    added = merged(weights, "unet", [(latents, 1.0)])["conv_in.weight"] - plain
    assert torch.allclose(added[:, :4], random(16, 4, 3, 3), atol=1e-6)
    assert not added[:, 4:].any()
    added = merged(weights, "unet", [(whole, 1.0)])["conv_in.weight"] - plain
    assert torch.allclose(added, random(16, 9, 3, 3), atol=1e-6)
    with pytest.raises(CheckpointError, match="conv_in is for weights of 16 x 45, not of 16 x 9 x 3 x 3"):
        merged(weights, "unet", [(lora(tmp_path, {"lora_unet_conv_in.diff": random(16, 5, 3, 3)}), 1.0)])
