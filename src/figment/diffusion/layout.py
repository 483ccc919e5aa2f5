"""Names of tensors in single files, as their authors' programs wrote them, for those of diffusers and transformers.

A single file holds a UNet, an autoencoder and one or two text encoders, each under a prefix. Which names there are
follows from the networks' configurations; `Stored` adds what is to be done with a tensor of another shape.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from figment.diffusion.kinds import Base, Part

__all__ = ["AUTOENCODER", "TEXTS", "UNET", "Stored", "autoencoder", "clip", "open_clip", "places", "prefixed", "unet"]

Pairs = Iterator[tuple[str, str]]
UNET, AUTOENCODER = "model.diffusion_model.", "first_stage_model."
TEXTS: Mapping[Base, Mapping[Part, str]] = {
    Base.SDXL: {"text": "conditioner.embedders.0.transformer.", "text_2": "conditioner.embedders.1.model."},
    Base.SDXL_REFINER: {"text_2": "conditioner.embedders.0.model."},
    Base.SD2: {"text": "cond_stage_model.model."},
    Base.SD1: {"text": "cond_stage_model.transformer."},
}
"""Where each kind keeps its text encoders; the first kind of which all are there is the one."""
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in a file, and how."""

    name: str
    third: int | None = None
    """Which third of its rows: query, key and value are stored as one."""
    transposed: bool = False
    flat: bool = False
    """Whether a 1x1 convolution is wanted as a matrix."""

    def read(self, tensor: Tensor) -> Tensor:
        """The tensor wanted, from that in the file."""
        if self.third is not None:
            tensor = tensor.chunk(3)[self.third]
        if self.transposed:
            tensor = tensor.T
        return tensor[:, :, 0, 0] if self.flat and tensor.dim() == 4 else tensor


def places(
    base: Base, configs: Mapping[Part, Mapping[str, Any]], *, bare: bool = False
) -> dict[Part, dict[str, Stored]]:
    """Where a single file of `base` has every tensor of its networks, which have these `configs`.

    `bare` files, written by some programs, lack the "text_model." in the names of CLIP.
    """
    found: dict[Part, dict[str, Stored]] = {
        "unet": prefixed(unet(configs["unet"]), UNET),
        "vae": prefixed(autoencoder(configs["vae"]), AUTOENCODER),
    }
    for part, prefix in TEXTS[base].items():
        if prefix.endswith("transformer."):
            found[part] = prefixed(clip(configs[part]), prefix if bare else f"{prefix}text_model.")
        else:
            found[part] = prefixed(open_clip(configs[part], projected=part == "text_2"), prefix)
    return found


def prefixed(names: Mapping[str, Stored], prefix: str) -> dict[str, Stored]:
    """The same places, their names in the file after `prefix`."""
    return {ours: replace(stored, name=prefix + stored.name) for ours, stored in names.items()}


def unet(config: Mapping[str, Any]) -> dict[str, Stored]:
    """The UNet, without the prefix "model.diffusion_model."."""
    return {ours: Stored(theirs) for ours, theirs in _unet(config)}


def autoencoder(config: Mapping[str, Any]) -> dict[str, Stored]:
    """The autoencoder, without the prefix "first_stage_model."."""
    flat = {f".attentions.0.{name}.weight" for name in ("to_q", "to_k", "to_v", "to_out.0")}
    return {
        ours: Stored(theirs, flat=any(ours.endswith(ending) for ending in flat))
        for ours, theirs in _autoencoder(config)
    }


def clip(config: Mapping[str, Any]) -> dict[str, Stored]:
    """CLIP's text encoder as transformers wrote it, without a prefix; the same names."""
    return {name: Stored(name) for name in _clip_names(config)}


def open_clip(config: Mapping[str, Any], *, projected: bool) -> dict[str, Stored]:
    """OpenCLIP's text encoder; with its projection, the names have the prefix "text_model."."""
    prefix = "text_model." if projected else ""
    found = {
        f"{prefix}embeddings.token_embedding.weight": Stored("token_embedding.weight"),
        f"{prefix}embeddings.position_embedding.weight": Stored("positional_embedding"),
        **{f"{prefix}final_layer_norm.{part}": Stored(f"ln_final.{part}") for part in ("weight", "bias")},
    }
    for number in range(config["num_hidden_layers"]):
        ours, theirs = f"{prefix}encoder.layers.{number}", f"transformer.resblocks.{number}"
        for part in ("weight", "bias"):
            found |= {
                f"{ours}.{name}.{part}": Stored(f"{theirs}.{other}.{part}") for name, other in _CLIP_LAYER.items()
            }
            for third, letter in enumerate("qkv"):
                stored = Stored(f"{theirs}.attn.in_proj_{part}", third)
                found[f"{ours}.self_attn.{letter}_proj.{part}"] = stored
    if projected:
        found["text_projection.weight"] = Stored("text_projection", transposed=True)
    return found


# UNet


def _unet(config: Mapping[str, Any]) -> Pairs:
    widths, count = config["block_out_channels"], config["layers_per_block"]
    depths = _each(config["transformer_layers_per_block"], len(widths))
    yield from _both("conv_in", "input_blocks.0.0")
    for number, index in ((1, 0), (2, 2)):
        yield from _both(f"time_embedding.linear_{number}", f"time_embed.{index}")
        if config.get("addition_embed_type"):
            yield from _both(f"add_embedding.linear_{number}", f"label_emb.0.{index}")
    inputs = [widths[0]]
    for block, kind in enumerate(config["down_block_types"]):
        for number in range(count):
            place = f"input_blocks.{len(inputs)}"
            name = f"down_blocks.{block}"
            yield from _resnet(f"{name}.resnets.{number}", f"{place}.0", skips=inputs[-1] != widths[block])
            if "CrossAttn" in kind:
                yield from _transformer(f"{name}.attentions.{number}", f"{place}.1", depths[block])
            inputs.append(widths[block])
        if block < len(widths) - 1:
            yield from _both(f"down_blocks.{block}.downsamplers.0.conv", f"input_blocks.{len(inputs)}.0.op")
            inputs.append(widths[block])
    yield from _resnet("mid_block.resnets.0", "middle_block.0", skips=False)
    yield from _transformer("mid_block.attentions.0", "middle_block.1", depths[-1])
    yield from _resnet("mid_block.resnets.1", "middle_block.2", skips=False)
    yield from _up(config, widths, depths)
    yield from _both("conv_norm_out", "out.0")
    yield from _both("conv_out", "out.2")


def _up(config: Mapping[str, Any], widths: list[int], depths: list[int]) -> Pairs:
    """Every block on the way up takes what its mirror image left, so its first convolution is always of other width."""
    count = config["layers_per_block"]
    for block, kind in enumerate(config["up_block_types"]):
        for number in range(count + 1):
            place = f"output_blocks.{block * (count + 1) + number}"
            yield from _resnet(f"up_blocks.{block}.resnets.{number}", f"{place}.0", skips=True)
            if "CrossAttn" in kind:
                depth = depths[len(widths) - 1 - block]
                yield from _transformer(f"up_blocks.{block}.attentions.{number}", f"{place}.1", depth)
        if block < len(widths) - 1:
            after = 2 if "CrossAttn" in kind else 1
            yield from _both(f"up_blocks.{block}.upsamplers.0.conv", f"{place}.{after}.conv")


def _resnet(ours: str, theirs: str, *, skips: bool) -> Pairs:
    for name, other in _RESNET.items():
        yield from _both(f"{ours}.{name}", f"{theirs}.{other}")
    if skips:
        yield from _both(f"{ours}.conv_shortcut", f"{theirs}.skip_connection")


def _transformer(ours: str, theirs: str, depth: int) -> Pairs:
    names = ["norm", "proj_in", "proj_out"]
    for number in range(depth):
        block = f"transformer_blocks.{number}"
        names += [f"{block}.{name}" for name in ("norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2")]
        for attention in ("attn1", "attn2"):
            names.append(f"{block}.{attention}.to_out.0")
            for letter in "qkv":
                name = f"{block}.{attention}.to_{letter}.weight"
                yield f"{ours}.{name}", f"{theirs}.{name}"
    for name in names:
        yield from _both(f"{ours}.{name}", f"{theirs}.{name}")


# Autoencoder


def _autoencoder(config: Mapping[str, Any]) -> Pairs:
    widths, count = config["block_out_channels"], config["layers_per_block"]
    last = len(widths) - 1
    for side in ("encoder", "decoder"):
        for name, other in (("conv_in", "conv_in"), ("conv_norm_out", "norm_out"), ("conv_out", "conv_out")):
            yield from _both(f"{side}.{name}", f"{side}.{other}")
        for number in range(2):
            yield from _plain_resnet(
                f"{side}.mid_block.resnets.{number}", f"{side}.mid.block_{number + 1}", skips=False
            )
        for name, other in _ATTENTION.items():
            yield from _both(f"{side}.mid_block.attentions.0.{name}", f"{side}.mid.attn_1.{other}")
    before = widths[0]
    for block, width in enumerate(widths):
        for number in range(count):
            name, other = f"encoder.down_blocks.{block}.resnets.{number}", f"encoder.down.{block}.block.{number}"
            yield from _plain_resnet(name, other, skips=before != width)
            before = width
        if block < last:
            name = f"encoder.down_blocks.{block}.downsamplers.0.conv"
            yield from _both(name, f"encoder.down.{block}.downsample.conv")
    for block, width in enumerate(reversed(widths)):
        for number in range(count + 1):
            name, other = f"decoder.up_blocks.{block}.resnets.{number}", f"decoder.up.{last - block}.block.{number}"
            yield from _plain_resnet(name, other, skips=before != width)
            before = width
        if block < last:
            yield from _both(f"decoder.up_blocks.{block}.upsamplers.0.conv", f"decoder.up.{last - block}.upsample.conv")
    for name, wanted in (("quant_conv", "use_quant_conv"), ("post_quant_conv", "use_post_quant_conv")):
        if config.get(wanted, True):
            yield from _both(name, name)


def _plain_resnet(ours: str, theirs: str, *, skips: bool) -> Pairs:
    for name in ("norm1", "conv1", "norm2", "conv2"):
        yield from _both(f"{ours}.{name}", f"{theirs}.{name}")
    if skips:
        yield from _both(f"{ours}.conv_shortcut", f"{theirs}.nin_shortcut")


# Text encoders


def _clip_names(config: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"embeddings.{name}_embedding.weight" for name in ("token", "position"))
    modules = ["final_layer_norm"]
    for number in range(config["num_hidden_layers"]):
        inside = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", *_CLIP_LAYER)
        modules += [f"encoder.layers.{number}.{name}" for name in inside]
    for module in modules:
        yield from (f"{module}.{part}" for part in ("weight", "bias"))


def _both(ours: str, theirs: str) -> Pairs:
    for part in ("weight", "bias"):
        yield f"{ours}.{part}", f"{theirs}.{part}"


def _each(value: Any, blocks: int) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value] * blocks
