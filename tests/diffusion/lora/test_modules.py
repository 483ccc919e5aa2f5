"""How files spell the modules of a network."""

from typing import Any

import pytest
from diffusers import UNet2DConditionModel
from tests.diffusion.lora.tiny import SD1, SDXL, text, unet

from figment.diffusion import layout
from figment.diffusion.lora.ldm import ldm_names
from figment.diffusion.lora.modules import spelled
from figment.diffusion.lora.names import Name, parsed

ATTENTION = "down_blocks_0_attentions_0_transformer_blocks_0_attn1"
QUERY = "encoder_layers_1_self_attn_q_proj"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"lora_unet_{ATTENTION}_to_q.lora_down.weight", Name("unet", f"{ATTENTION}_to_q", "down")),
        (f"lora_unet_{ATTENTION}_to_q.alpha", Name("unet", f"{ATTENTION}_to_q", "alpha")),
        ("lora_unet_input_blocks_1_1_proj_in.hada_w1_a", Name("unet", "input_blocks_1_1_proj_in", "hada_w1_a")),
        ("lycoris_mid_block_resnets_0_conv1.lokr_w2_b", Name("unet", "mid_block_resnets_0_conv1", "lokr_w2_b")),
        ("lora_unet_conv_in.weight", Name("unet", "conv_in", "weight")),
        ("lora_unet_conv_in.a1.weight", Name("unet", "conv_in", "a1")),
        ("lora_unet_conv_in.lora_mid.weight", Name("unet", "conv_in", "mid")),
        ("lora_te_text_model_" + QUERY + ".lora_up.weight", Name("text", QUERY, "up")),
        ("lora_te1_text_model_" + QUERY + ".lora_up.weight", Name("text", QUERY, "up")),
        ("lora_te2_text_model_" + QUERY + ".dora_scale", Name("text_2", QUERY, "dora_scale")),
        ("lora_te2_text_projection.lora_up.weight", Name("text_2", "text_projection", "up")),
        ("base_model.model.unet.conv_in.lora_A.weight", Name("unet", "conv_in", "down")),
        ("base_model.model.conv_in.lora_B.default.weight", Name("unet", "conv_in", "up")),
        ("base_model.model.text_model.encoder.layers.1.self_attn.q_proj.lora_A.weight", Name("text", QUERY, "down")),
        ("unet.conv_in.lora_magnitude_vector.weight", Name("unet", "conv_in", "dora_scale")),
        ("unet.conv_in.lora_magnitude_vector", Name("unet", "conv_in", "dora_scale")),
        ("text_encoder_2.text_model.encoder.layers.1.self_attn.q_proj.lora_A.weight", Name("text_2", QUERY, "down")),
        (
            "text_encoder.text_model.encoder.layers.1.self_attn.q_proj.lora_linear_layer.up.weight",
            Name("text", QUERY, "up"),
        ),
        (
            "text_encoder.text_model.encoder.layers.1.self_attn.to_q_lora.up.weight",
            Name("text", "encoder_layers_1_self_attn_to_q", "up"),
        ),
        (
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.down.weight",
            Name("unet", f"{ATTENTION}_to_out", "down"),
        ),
        (
            "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.up.weight",
            Name("unet", f"{ATTENTION}_to_q", "up"),
        ),
        (
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora.down.weight",
            Name("unet", f"{ATTENTION}_to_q", "down"),
        ),
        ("model.diffusion_model.input_blocks.0.0.diff_b", Name("unet", "input_blocks_0_0", "diff_b")),
        (
            "cond_stage_model.model.transformer.resblocks.0.attn.out_proj.diff",
            Name("text", "transformer_resblocks_0_attn_out_proj", "diff"),
        ),
        (
            "conditioner.embedders.1.model.transformer.resblocks.0.ln_1.w_norm",
            Name("text_2", "transformer_resblocks_0_ln_1", "w_norm"),
        ),
        (
            "conditioner.embedders.0.transformer.text_model.encoder.layers.1.self_attn.q_proj.diff",
            Name("text", QUERY, "diff"),
        ),
        (
            "lora_te_1_model_transformer_resblocks_0_mlp_c_fc.alpha",
            Name("text", "transformer_resblocks_0_mlp_c_fc", "alpha"),
        ),
        ("unet:12:down", Name("unet", "#12", "down")),
        ("text_encoder:7:up", Name("text", "#7", "up")),
        ("lora_unet_conv_in.something_else", None),
        ("first_stage_model.encoder.conv_in.weight", None),
        ("lora_unet_.alpha", None),
    ],
)
def test_reads_the_names_of_every_trainer(name: str, expected: Name | None) -> None:
    assert parsed(name) == expected


@pytest.mark.parametrize("config", [SD1, SDXL])
def test_ldms_names_are_those_of_checkpoints(config: dict[str, Any]) -> None:
    weights = unet(config)
    modules = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    stored = {name: place.name for name, place in layout.unet(UNet2DConditionModel(**config).config).items()}
    expected = {
        name.removesuffix(".weight"): place.removesuffix(".weight")
        for name, place in stored.items()
        if name.endswith(".weight")
    }
    assert set(expected) == set(modules)
    assert ldm_names(modules) == expected


@pytest.mark.parametrize("config", [SD1, SDXL])
def test_a_unets_modules_have_one_meaning_each(config: dict[str, Any]) -> None:
    weights = unet(config)
    found = spelled("unet", weights)
    modules = {name.removesuffix(".weight") for name in weights if name.endswith(".weight")}
    assert {module for targets in found.values() for module in targets} == modules
    for module in modules:
        assert found[module.replace(".", "_")] == (module,)
    assert found["middle_block_1_transformer_blocks_0_attn2_to_out"] == (
        "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0",
    )


@pytest.mark.parametrize(("part", "prefix"), [("text", ""), ("text_2", "text_model.")])
def test_text_encoders_have_openclips_names_too(part: str, prefix: str) -> None:
    weights = text("text_2" if part == "text_2" else "text")
    found = spelled("text", weights)
    attention = f"{prefix}encoder.layers.1.self_attn"
    assert found[QUERY] == found["encoder_layers_1_self_attn_to_q"] == (f"{attention}.q_proj",)
    assert found["transformer_resblocks_1_attn_in_proj"] == tuple(f"{attention}.{letter}_proj" for letter in "qkv")
    assert found["transformer_resblocks_1_attn_out_proj"] == (f"{attention}.out_proj",)
    assert found["transformer_resblocks_0_mlp_c_proj"] == (f"{prefix}encoder.layers.0.mlp.fc2",)
    assert found["ln_final"] == (f"{prefix}final_layer_norm",)
    modules = {name.removesuffix(".weight") for name in weights if name.endswith(".weight")}
    assert {module for targets in found.values() for module in targets} == modules
