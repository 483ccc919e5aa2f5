"""What a checkpoint is, told by the names and shapes of its tensors alone.

Widths, depths and channels are read from shapes; a text encoder's names tell Stable Diffusion 1, 2, SDXL and its
refiner apart. What shapes cannot say (heads, activations) is the same for all models of a kind.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from figment.core.errors import CheckpointError
from figment.diffusion.kinds import Base, Kind, Part, Prediction
from figment.diffusion.layout import AUTOENCODER, TEXTS, UNET

__all__ = ["Shapes", "autoencoder_config", "kind_of", "unused"]

Shapes = Mapping[str, tuple[int, ...]]
_OTHERS = {
    "controlnet_cond_embedding.": "a ControlNet",
    "input_hint_block.": "a ControlNet",
    "double_blocks.": "Flux",
    "joint_blocks.": "Stable Diffusion 3",
    "cap_embedder.": "Lumina",
    "effnet_mapper.": "Stable Cascade",
    "blocks.0.cross_attn.": "a diffusion transformer",
}
"""Signs of models that are of another make."""
_CHANNELS = {5: "made for depth maps", 7: "an upscaler", 8: "made for edits by instruction (InstructPix2Pix)"}
"""What UNets of other inputs than 4 or 9 channels are."""
_LORA = re.compile(r"lora_|\.lora[._]|lokr_|hada_|\.alpha$|oft_|dora_scale|^lora|:down$|:up$")
_HARMLESS = re.compile(
    r"model_ema\.|alphas_cumprod|sqrt_|log_one_minus|posterior_|betas$|logvar$|lvlb_weights$|v_pred$|ztsnr$"
    r"|first_stage_model\.(loss|model_ema)\.|.*(position_ids|logit_scale|attn_mask|sigmas)$"
    r"|cond_stage_model\.(model|transformer)\.(visual|text_projection)|conditioner\.embedders\.0\..*text_projection"
)
"""Names of what training left behind; drawing needs none of it."""
_HEAD = 64
"""Channels of an attention head, but for the UNet of Stable Diffusion 1, which has eight heads everywhere."""
_LAYERS = {768: 12, 1024: 23, 1280: 32}
"""Layers of the text encoders in use, by their widths; some files of Stable Diffusion 2 leave the 24th out."""


def kind_of(shapes: Shapes, prediction: Prediction | None, where: str) -> Kind:
    """The kind of a single file with tensors of these `shapes`; `where` is how a message calls it.

    `prediction` is what is known of it; None for noise. Raises CheckpointError for what is no such model.
    """
    if f"{UNET}input_blocks.0.0.weight" not in shapes:
        raise CheckpointError(f"{where} {_mistaken(shapes)}.")
    present = (base for base, texts in TEXTS.items() if all(_has(shapes, prefix) for prefix in texts.values()))
    base = next(present, None)
    if base is None:
        raise CheckpointError(f"{where} lacks its text encoder; use the full checkpoint, not the UNet alone.")
    if not _has(shapes, f"{AUTOENCODER}decoder."):
        raise CheckpointError(f"{where} lacks its autoencoder (VAE); use the full checkpoint.")
    configs: dict[Part, Mapping[str, Any]] = {
        part: _text_config(_Network(shapes, prefix, where), projected=part == "text_2")
        for part, prefix in TEXTS[base].items()
    }
    pooled = configs["text_2"]["projection_dim"] if "text_2" in configs else 0
    configs["unet"] = _unet_config(_Network(shapes, UNET, where), base, pooled)
    configs["vae"] = autoencoder_config(shapes, where, AUTOENCODER)
    said: Prediction = "v" if "v_pred" in shapes else prediction or "noise"
    return Kind(base, configs["unet"]["in_channels"] == 9, said, configs, depth=1 if base is Base.SD1 else 2)


def autoencoder_config(shapes: Shapes, where: str, prefix: str = "", *, renamed: bool = False) -> dict[str, Any]:
    """The configuration of the autoencoder under `prefix`; in diffusers' names if `renamed`. Raises CheckpointError."""
    network = _Network(shapes, prefix, where)
    down, block = ("encoder.down_blocks", "resnets") if renamed else ("encoder.down", "block")
    widths = [network.shape(f"{down}.{level}.{block}.0.conv1.weight", 4)[0] for level in range(network.count(down))]
    latents = network.shape("decoder.conv_in.weight", 4)[1]
    if latents != 4 or not widths:
        raise CheckpointError(f"{where} has an autoencoder of {latents} channels, not of 4 as Stable Diffusion's.")
    return {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": latents,
        "block_out_channels": widths,
        "layers_per_block": network.count(f"{down}.0.{block}"),
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "norm_num_groups": 32,
        "use_quant_conv": network.has("quant_conv."),
        "use_post_quant_conv": network.has("post_quant_conv."),
    }


def unused(shapes: Shapes, used: set[str]) -> tuple[str, ...]:
    """Names beside those that are `used` of which it is not known that they may be left out."""
    return tuple(sorted(name for name in shapes.keys() - used if not _HARMLESS.match(name)))


@dataclass(frozen=True)
class _Network:
    """The tensors under one prefix of the file that messages call `where`."""

    shapes: Shapes
    prefix: str
    where: str

    def has(self, start: str) -> bool:
        return _has(self.shapes, self.prefix + start)

    def shape(self, name: str, *sides: int) -> tuple[int, ...]:
        """The shape of a tensor that must have as many sides as one of `sides` says."""
        full = self.prefix + name
        if full not in self.shapes:
            raise CheckpointError(f"{self.where} lacks the tensor {full}; it was cut or pruned, copy it again.")
        found = self.shapes[full]
        if len(found) not in sides:
            wanted = " or ".join(map(str, sides))
            raise CheckpointError(f"{self.where} has {full} as {found}, which should have {wanted} sides; get it anew.")
        return found

    def count(self, start: str) -> int:
        """How many numbers follow `start`, from 0. Raises CheckpointError for one that is left out."""
        full = f"{self.prefix}{start}."
        numbers = {name[len(full) :].partition(".")[0] for name in self.shapes if name.startswith(full)}
        missing = set(range(len(numbers))) - {int(number) for number in numbers if number.isdecimal()}
        if missing:
            raise CheckpointError(f"{self.where} lacks {full}{min(missing)}; it was cut or pruned, copy it again.")
        return len(numbers)


def _has(shapes: Shapes, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in shapes)


def _mistaken(shapes: Shapes) -> str:
    """What a file without a UNet of Stable Diffusion is."""
    if any(_LORA.search(name) for name in shapes):
        return "is a LoRA, not a checkpoint; put it into models/Lora and name it in the prompt as <lora:name:1>"
    if len(shapes) <= 4 and any(name in shapes for name in ("emb_params", "clip_l", "clip_g", "string_to_param.*")):
        return "is a textual-inversion embedding, not a checkpoint; put it into embeddings and write its name"
    for sign, name in _OTHERS.items():
        if any(sign in key for key in shapes):
            return f"is {name}, which is not supported; there are Stable Diffusion 1, 2 and XL"
    if _has(shapes, UNET):
        return f"lacks {UNET}input_blocks.0 or is of another make; there are Stable Diffusion 1, 2 and XL"
    if any(name.removeprefix(AUTOENCODER).startswith(("decoder.", "encoder.")) for name in shapes):
        if any(_has(shapes, prefix) for texts in TEXTS.values() for prefix in texts.values()):
            return "lacks its UNet; use the full checkpoint"
        return "is an autoencoder (VAE) alone, not a checkpoint; put it into models/VAE and give --vae"
    if any(name.startswith(("input_blocks.", "down_blocks.")) for name in shapes):
        return "is a UNet alone; use the full checkpoint"
    return "is no Stable Diffusion checkpoint"


def _unet_config(network: _Network, base: Base, pooled: int) -> dict[str, Any]:
    """`pooled` is the width of the projected prompt that SDXL adds to times."""
    channels = network.shape("input_blocks.0.0.weight", 4)[1]
    if channels not in (4, 9):
        what = _CHANNELS.get(channels, "of another make")
        raise CheckpointError(f"{network.where} is {what}: its UNet takes {channels} channels; 4 and 9 are supported.")
    widths, depths, count = _levels(network)
    kinds = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths]
    middle = network.count("middle_block.1.transformer_blocks")
    if base is Base.SDXL_REFINER:  # its last level is without attention, but the middle block goes by it
        depths = [middle] * len(depths)
    config: dict[str, Any] = {
        "in_channels": channels,
        "out_channels": network.shape("out.2.weight", 4)[0],
        "block_out_channels": widths,
        "layers_per_block": count,
        "down_block_types": kinds,
        "up_block_types": [one.replace("Down", "Up") for one in reversed(kinds)],
        "cross_attention_dim": network.shape("middle_block.1.transformer_blocks.0.attn2.to_k.weight", 2)[1],
        "attention_head_dim": 8 if base is Base.SD1 else [max(1, width // _HEAD) for width in widths],
        "transformer_layers_per_block": [max(1, depth) for depth in depths],
        "use_linear_projection": len(network.shape("middle_block.1.proj_in.weight", 2, 4)) == 2,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
    }
    if base in (Base.SDXL, Base.SDXL_REFINER):
        added = network.shape("label_emb.0.0.weight", 2)[1]
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": (added - pooled) // (6 if base is Base.SDXL else 5),
            "projection_class_embeddings_input_dim": added,
        }
    return config


def _levels(network: _Network) -> tuple[list[int], list[int], int]:
    """Widths and depths of attention (0 for none) of the UNet's levels, and how many layers each has."""
    widths, depths, counts = [0], [0], [0]
    for place in range(1, network.count("input_blocks")):
        if network.has(f"input_blocks.{place}.0.op."):
            widths, depths, counts = [*widths, 0], [*depths, 0], [*counts, 0]
            continue
        widths[-1] = network.shape(f"input_blocks.{place}.0.out_layers.3.weight", 4)[0]
        depths[-1] = network.count(f"input_blocks.{place}.1.transformer_blocks")
        counts[-1] += 1
    if len(set(counts)) != 1 or not counts[0]:
        raise CheckpointError(f"{network.where} has levels of {counts} layers in its UNet; copy it again.")
    return widths, depths, counts[0]


def _text_config(network: _Network, *, projected: bool) -> dict[str, Any]:
    if network.has("positional_embedding"):  # OpenCLIP
        vocabulary, width = network.shape("token_embedding.weight", 2)
        hidden, layers = "transformer.resblocks.0.mlp.c_fc.weight", network.count("transformer.resblocks")
        positions, act = network.shape("positional_embedding", 2), "gelu"
    else:
        inner = "text_model." if network.has("text_model.") else ""
        vocabulary, width = network.shape(f"{inner}embeddings.token_embedding.weight", 2)
        hidden, layers = f"{inner}encoder.layers.0.mlp.fc1.weight", network.count(f"{inner}encoder.layers")
        positions, act = network.shape(f"{inner}embeddings.position_embedding.weight", 2), "quick_gelu"
    if layers < _LAYERS.get(width, 0):
        raise CheckpointError(
            f"{network.where} has {layers} layers of a text encoder of {_LAYERS[width]}; it was cut, copy it again."
        )
    config = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": network.shape(hidden, 2)[0],
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // _HEAD),
        "max_position_embeddings": positions[0],
        "hidden_act": act,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 1,
    }
    return config | ({"projection_dim": network.shape("text_projection", 2)[1]} if projected else {})
