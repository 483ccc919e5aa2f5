"""What a checkpoint is, told by the names and shapes of its tensors alone.

A single file holds a UNet under "model.diffusion_model.", an autoencoder under "first_stage_model." and one or two text
encoders, whose names tell Stable Diffusion 1, 2, SDXL and its refiner apart. Widths and depths are read from shapes.
"""

import re
from collections.abc import Mapping
from typing import Any

from figment.core.errors import CheckpointError
from figment.diffusion.kinds import Base, Kind, Part, Prediction

__all__ = ["AUTOENCODER", "TEXTS", "UNET", "autoencoder_config", "kind_of", "mistaken"]

Shapes = Mapping[str, tuple[int, ...]]
UNET, AUTOENCODER = "model.diffusion_model.", "first_stage_model."
TEXTS: Mapping[Base, Mapping[Part, str]] = {
    Base.SDXL: {"text": "conditioner.embedders.0.transformer.", "text_2": "conditioner.embedders.1.model."},
    Base.SDXL_REFINER: {"text_2": "conditioner.embedders.0.model."},
    Base.SD2: {"text": "cond_stage_model.model."},
    Base.SD1: {"text": "cond_stage_model.transformer."},
}
"""Where each kind keeps its text encoders; the first kind of which all are there is the one."""
_OTHERS = {
    "double_blocks.": "Flux",
    "joint_blocks.": "Stable Diffusion 3",
    "cap_embedder.": "Lumina",
    "effnet_mapper": "Stable Cascade",
    "blocks.0.cross_attn.": "a video or diffusion transformer",
}
"""Signs of models that are of another make."""
_LORA = re.compile(r"lora_|\.lora[._]|lokr_|hada_|\.alpha$|oft_|dora_scale|^lora|:down$|:up$")
_HEAD = 64
"""Channels of an attention head in all kinds but the first, whose UNet has eight heads everywhere."""


def kind_of(shapes: Shapes, prediction: Prediction | None, where: str) -> Kind:
    """The kind of a single file with tensors of these `shapes`; `where` is how a message calls it.

    `prediction` is what is known of it; None for noise. Raises CheckpointError for what is no such model.
    """
    if f"{UNET}input_blocks.0.0.weight" not in shapes:
        raise CheckpointError(f"{where} {mistaken(shapes)}.")
    bases = (base for base, texts in TEXTS.items() if all(_has(shapes, prefix) for prefix in texts.values()))
    base = next(bases, None)
    if base is None:
        raise CheckpointError(f"{where} lacks its text encoder; use the full checkpoint, not the UNet alone.")
    if not _has(shapes, f"{AUTOENCODER}decoder."):
        raise CheckpointError(f"{where} lacks its autoencoder (VAE); use the full checkpoint.")
    texts = {part: _text(_under(shapes, prefix), part, base, where) for part, prefix in TEXTS[base].items()}
    unet = _unet(_under(shapes, UNET), base, texts, where)
    configs: dict[Part, Mapping[str, Any]] = {
        "unet": unet,
        "vae": autoencoder_config(_under(shapes, AUTOENCODER), where),
        **texts,
    }
    said: Prediction = "v" if "v_pred" in shapes else prediction or "noise"
    return Kind(base, unet["in_channels"] == 9, said, configs, depth=1 if base is Base.SD1 else 2)


def mistaken(shapes: Shapes) -> str:
    """What a file without a UNet of Stable Diffusion is."""
    if any(_LORA.search(name) for name in shapes):
        return "is a LoRA, not a checkpoint; put it into models/Lora and name it in the prompt as <lora:name:1>"
    if len(shapes) <= 4 and any(name in shapes for name in ("emb_params", "clip_l", "clip_g", "string_to_param.*")):
        return "is a textual-inversion embedding, not a checkpoint; put it into embeddings and write its name"
    if any(name.removeprefix(AUTOENCODER).startswith(("decoder.", "encoder.")) for name in shapes):
        return "is an autoencoder (VAE) alone, not a checkpoint; put it into models/VAE and give --vae"
    for sign, name in _OTHERS.items():
        if any(sign in key for key in shapes):
            return f"is {name}, which is not supported; there are Stable Diffusion 1, 2 and XL"
    if any(name.startswith(("model.", "input_blocks.", "down_blocks.")) for name in shapes):
        return "is a part of a model alone, or lacks the UNet's first block; use the full checkpoint"
    return "is no Stable Diffusion checkpoint"


def _unet(shapes: Shapes, base: Base, texts: Mapping[Part, Mapping[str, Any]], where: str) -> dict[str, Any]:
    widths, attends, depths, counts = [shapes["input_blocks.0.0.weight"][0]], [False], [0], [0]
    place = 1
    while _has(shapes, f"input_blocks.{place}."):
        if f"input_blocks.{place}.0.op.weight" in shapes:
            widths, attends, depths, counts = [*widths, 0], [*attends, False], [*depths, 0], [*counts, 0]
        else:
            widths[-1] = _shape(shapes, f"input_blocks.{place}.0.out_layers.3.weight", where)[0]
            counts[-1] += 1
            attends[-1] = f"input_blocks.{place}.1.norm.weight" in shapes
            depths[-1] = max(1, _count(shapes, f"input_blocks.{place}.1.transformer_blocks"))
        place += 1
    middle = _shape(shapes, "middle_block.1.transformer_blocks.0.attn2.to_k.weight", where)
    if len(set(counts)) != 1 or not all(widths):
        raise CheckpointError(f"{where} lacks blocks of its UNet: levels of {counts} layers; copy it again.")
    if base is Base.SDXL:
        depths[-1] = _count(shapes, "middle_block.1.transformer_blocks")
    elif base is Base.SDXL_REFINER:
        depths = [_count(shapes, "middle_block.1.transformer_blocks")] * len(widths)
    kinds = ["CrossAttnDownBlock2D" if one else "DownBlock2D" for one in attends]
    config: dict[str, Any] = {
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "out_channels": _shape(shapes, "out.2.weight", where)[0],
        "block_out_channels": widths,
        "layers_per_block": counts[0],
        "down_block_types": kinds,
        "up_block_types": [one.replace("Down", "Up") for one in reversed(kinds)],
        "cross_attention_dim": middle[1],
        "attention_head_dim": 8 if base is Base.SD1 else [max(1, width // _HEAD) for width in widths],
        "transformer_layers_per_block": depths,
        "use_linear_projection": len(_shape(shapes, "middle_block.1.proj_in.weight", where)) == 2,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
    }
    if base in (Base.SDXL, Base.SDXL_REFINER):
        added = _shape(shapes, "label_emb.0.0.weight", where)[1]
        sizes = 6 if base is Base.SDXL else 5
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": (added - texts["text_2"]["projection_dim"]) // sizes,
            "projection_class_embeddings_input_dim": added,
        }
    return config


def autoencoder_config(shapes: Shapes, where: str) -> dict[str, Any]:
    """The configuration of an autoencoder with these `shapes`, without prefix. Raises CheckpointError."""
    levels = _count(shapes, "encoder.down")
    widths = [_shape(shapes, f"encoder.down.{level}.block.0.conv1.weight", where)[0] for level in range(levels)]
    latents = _shape(shapes, "decoder.conv_in.weight", where)[1]
    if latents != 4 or not widths:
        raise CheckpointError(f"{where} has an autoencoder of {latents} channels, not of 4 as Stable Diffusion's.")
    return {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": latents,
        "block_out_channels": widths,
        "layers_per_block": _count(shapes, "encoder.down.0.block"),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": 32,
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
    }


def _text(shapes: Shapes, part: Part, base: Base, where: str) -> dict[str, Any]:
    if base is Base.SD1 or (base is Base.SDXL and part == "text"):
        inside = _under(shapes, "text_model.") or shapes
        width = _shape(inside, "embeddings.token_embedding.weight", where)
        layers = "encoder.layers"
        hidden = _shape(inside, "encoder.layers.0.mlp.fc1.weight", where)[0]
        positions = _shape(inside, "embeddings.position_embedding.weight", where)[0]
    else:
        inside = shapes
        width = _shape(inside, "token_embedding.weight", where)
        layers = "transformer.resblocks"
        hidden = _shape(inside, "transformer.resblocks.0.mlp.c_fc.weight", where)[0]
        positions = _shape(inside, "positional_embedding", where)[0]
    config = {
        "vocab_size": width[0],
        "hidden_size": width[1],
        "intermediate_size": hidden,
        "num_hidden_layers": _count(inside, layers),
        "num_attention_heads": max(1, width[1] // _HEAD),
        "max_position_embeddings": positions,
        "hidden_act": "quick_gelu" if layers == "encoder.layers" else "gelu",
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 1,
    }
    if part == "text_2":
        config["projection_dim"] = _shape(inside, "text_projection", where)[1]
    return config


def _has(shapes: Shapes, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in shapes)


def _under(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbers follow `prefix`, from 0 without gaps."""
    numbers = {name[len(prefix) + 1 :].partition(".")[0] for name in shapes if name.startswith(f"{prefix}.")}
    count = 0
    while str(count) in numbers:
        count += 1
    return count


def _shape(shapes: Shapes, name: str, where: str) -> tuple[int, ...]:
    if name not in shapes:
        raise CheckpointError(f"{where} lacks the tensor {name}; it was cut or saved by halves, copy it again.")
    return shapes[name]
