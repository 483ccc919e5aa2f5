"""Names of tensors in single files, as their authors' programs wrote them, for those of diffusers and transformers.

A single file holds a UNet, an autoencoder and one or two text encoders, each under a prefix. Which names there are,
and of which shapes, follows from the networks' configurations.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from figment.diffusion.kinds import Base, Part

__all__ = ["AUTOENCODER", "TEXTS", "UNET", "Stored", "autoencoder", "clip", "open_clip", "places", "prefixed", "unet"]

Triples = Iterator[tuple[str, str, tuple[int, ...]]]
"""Our name, the name in the file, and the shape."""
UNET, AUTOENCODER = "model.diffusion_model.", "first_stage_model."
TEXTS: Mapping[Base, Mapping[Part, str]] = {
    Base.SDXL: {"text": "conditioner.embedders.0.transformer.", "text_2": "conditioner.embedders.1.model."},
    Base.SDXL_REFINER: {"text_2": "conditioner.embedders.0.model."},
    Base.SD2: {"text": "cond_stage_model.model."},
    Base.SD1: {"text": "cond_stage_model.transformer."},
}
"""Where each kind keeps its text encoders; the first kind of which all are there is the one."""
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_LAYER = {
    "layer_norm1": "ln_1",
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_OPEN_CLIP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in a file, and how."""

    name: str
    shape: tuple[int, ...]
    """That of the tensor wanted."""
    third: int | None = None
    """Which third of its rows: query, key and value are stored as one."""
    transposed: bool = False
    flat: bool = False
    """Whether a 1x1 convolution is wanted as a matrix."""

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this `shape` in the file can be read as the one wanted."""
        if self.flat and len(shape) == 4:
            return shape == (*self.shape, 1, 1)
        if self.third is not None:
            return shape == (3 * self.shape[0], *self.shape[1:])
        return shape == (self.shape[::-1] if self.transposed else self.shape)

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
    return {ours: Stored(theirs, shape) for ours, theirs, shape in _unet(config)}


def autoencoder(config: Mapping[str, Any]) -> dict[str, Stored]:
    """The autoencoder, without the prefix "first_stage_model."."""
    matrices = tuple(f".attentions.0.{name}.weight" for name in _ATTENTION if name != "group_norm")
    return {ours: Stored(theirs, shape, flat=ours.endswith(matrices)) for ours, theirs, shape in _autoencoder(config)}


def clip(config: Mapping[str, Any]) -> dict[str, Stored]:
    """CLIP's text encoder as transformers wrote it, without a prefix; the same names."""
    return {name: Stored(name, shape) for name, shape in _clip(config)}


def open_clip(config: Mapping[str, Any], *, projected: bool) -> dict[str, Stored]:
    """OpenCLIP's text encoder; with its projection, the names have the prefix "text_model."."""
    prefix = "text_model." if projected else ""
    found = {prefix + name: _open_clip(name, shape) for name, shape in _clip(config)}
    if projected:
        shape = config["projection_dim"], config["hidden_size"]
        found["text_projection.weight"] = Stored("text_projection", shape, transposed=True)
    return found


# UNet


def _unet(config: Mapping[str, Any]) -> Triples:
    widths, count = config["block_out_channels"], config["layers_per_block"]
    depths = _each(config["transformer_layers_per_block"], len(widths))
    time, linear, context = 4 * widths[0], config["use_linear_projection"], config["cross_attention_dim"]
    yield from _both("conv_in", "input_blocks.0.0", widths[0], config["in_channels"], 3, 3)
    yield from _both("time_embedding.linear_1", "time_embed.0", time, widths[0])
    yield from _both("time_embedding.linear_2", "time_embed.2", time, time)
    if config.get("addition_embed_type"):
        yield from _both(
            "add_embedding.linear_1", "label_emb.0.0", time, config["projection_class_embeddings_input_dim"]
        )
        yield from _both("add_embedding.linear_2", "label_emb.0.2", time, time)
    skips = [widths[0]]
    for block, (kind, width) in enumerate(zip(config["down_block_types"], widths, strict=True)):
        name = f"down_blocks.{block}"
        for number in range(count):
            place = f"input_blocks.{len(skips)}"
            yield from _resnet(f"{name}.resnets.{number}", f"{place}.0", skips[-1], width, time)
            if "CrossAttn" in kind:
                attention = f"{name}.attentions.{number}", f"{place}.1"
                yield from _transformer(*attention, width, context, depths[block], linear=linear)
            skips.append(width)
        if block < len(widths) - 1:
            yield from _both(f"{name}.downsamplers.0.conv", f"input_blocks.{len(skips)}.0.op", width, width, 3, 3)
            skips.append(width)
    for number in range(2):
        yield from _resnet(f"mid_block.resnets.{number}", f"middle_block.{2 * number}", width, width, time)
    yield from _transformer("mid_block.attentions.0", "middle_block.1", width, context, depths[-1], linear=linear)
    yield from _up(config, widths, depths, skips)
    yield from _both("conv_norm_out", "out.0", widths[0])
    yield from _both("conv_out", "out.2", config["out_channels"], widths[0], 3, 3)


def _up(config: Mapping[str, Any], widths: list[int], depths: list[int], skips: list[int]) -> Triples:
    """Every layer on the way up takes what its mirror image on the way down left: channels `skips`, from the last."""
    count, time, before = config["layers_per_block"], 4 * widths[0], widths[-1]
    linear, context = config["use_linear_projection"], config["cross_attention_dim"]
    for block, kind in enumerate(config["up_block_types"]):
        level = len(widths) - 1 - block
        name, width = f"up_blocks.{block}", widths[level]
        for number in range(count + 1):
            place = f"output_blocks.{block * (count + 1) + number}"
            yield from _resnet(f"{name}.resnets.{number}", f"{place}.0", before + skips.pop(), width, time)
            if "CrossAttn" in kind:
                attention = f"{name}.attentions.{number}", f"{place}.1"
                yield from _transformer(*attention, width, context, depths[level], linear=linear)
            before = width
        if level:
            after = 2 if "CrossAttn" in kind else 1
            yield from _both(f"{name}.upsamplers.0.conv", f"{place}.{after}.conv", width, width, 3, 3)


def _resnet(ours: str, theirs: str, before: int, width: int, time: int) -> Triples:
    """From `before` channels to `width`, told of the time in `time` numbers."""
    yield from _both(f"{ours}.norm1", f"{theirs}.in_layers.0", before)
    yield from _both(f"{ours}.conv1", f"{theirs}.in_layers.2", width, before, 3, 3)
    yield from _both(f"{ours}.time_emb_proj", f"{theirs}.emb_layers.1", width, time)
    yield from _both(f"{ours}.norm2", f"{theirs}.out_layers.0", width)
    yield from _both(f"{ours}.conv2", f"{theirs}.out_layers.3", width, width, 3, 3)
    if before != width:
        yield from _both(f"{ours}.conv_shortcut", f"{theirs}.skip_connection", width, before, 1, 1)


def _transformer(ours: str, theirs: str, width: int, context: int, depth: int, *, linear: bool) -> Triples:
    """Attention of `depth` blocks, whose names are the same in both; their second looks at `context` channels."""
    ends = () if linear else (1, 1)
    modules: dict[str, tuple[int, ...]] = {"norm": (width,)}
    modules |= dict.fromkeys(("proj_in", "proj_out"), (width, width, *ends))
    for number in range(depth):
        block = f"transformer_blocks.{number}"
        modules |= {f"{block}.norm{place}": (width,) for place in (1, 2, 3)}
        modules |= {f"{block}.ff.net.0.proj": (8 * width, width), f"{block}.ff.net.2": (width, 4 * width)}
        for attention, seen in (("attn1", width), ("attn2", context)):
            modules[f"{block}.{attention}.to_out.0"] = width, width
            for letter, taken in (("q", width), ("k", seen), ("v", seen)):
                name = f"{block}.{attention}.to_{letter}.weight"
                yield f"{ours}.{name}", f"{theirs}.{name}", (width, taken)
    for name, shape in modules.items():
        yield from _both(f"{ours}.{name}", f"{theirs}.{name}", *shape)


# Autoencoder


def _autoencoder(config: Mapping[str, Any]) -> Triples:
    widths, latents = config["block_out_channels"], config["latent_channels"]
    yield from _side("encoder", widths[0], config["in_channels"], 2 * latents, widths[-1])
    yield from _side("decoder", widths[-1], latents, config["out_channels"], widths[0])
    yield from _levels(config)
    if config.get("use_quant_conv", True):
        yield from _both("quant_conv", "quant_conv", 2 * latents, 2 * latents, 1, 1)
    if config.get("use_post_quant_conv", True):
        yield from _both("post_quant_conv", "post_quant_conv", latents, latents, 1, 1)


def _side(side: str, first: int, taken: int, given: int, last: int) -> Triples:
    """What encoder and decoder have alike: the ends, and the middle at the lowest of their levels."""
    yield from _both(f"{side}.conv_in", f"{side}.conv_in", first, taken, 3, 3)
    yield from _both(f"{side}.conv_norm_out", f"{side}.norm_out", last)
    yield from _both(f"{side}.conv_out", f"{side}.conv_out", given, last, 3, 3)
    width = last if side == "encoder" else first
    for number in range(2):
        place = f"{side}.mid.block_{number + 1}"
        yield from _plain_resnet(f"{side}.mid_block.resnets.{number}", place, width, width)
    for name, other in _ATTENTION.items():
        shape = (width,) if name == "group_norm" else (width, width)
        yield from _both(f"{side}.mid_block.attentions.0.{name}", f"{side}.mid.attn_1.{other}", *shape)


def _levels(config: Mapping[str, Any]) -> Triples:
    widths, count = config["block_out_channels"], config["layers_per_block"]
    last = len(widths) - 1
    before = widths[0]
    for block, width in enumerate(widths):
        ours, theirs = f"encoder.down_blocks.{block}", f"encoder.down.{block}"
        for number in range(count):
            yield from _plain_resnet(f"{ours}.resnets.{number}", f"{theirs}.block.{number}", before, width)
            before = width
        if block < last:
            yield from _both(f"{ours}.downsamplers.0.conv", f"{theirs}.downsample.conv", width, width, 3, 3)
    for block, width in enumerate(reversed(widths)):
        ours, theirs = f"decoder.up_blocks.{block}", f"decoder.up.{last - block}"
        for number in range(count + 1):
            yield from _plain_resnet(f"{ours}.resnets.{number}", f"{theirs}.block.{number}", before, width)
            before = width
        if block < last:
            yield from _both(f"{ours}.upsamplers.0.conv", f"{theirs}.upsample.conv", width, width, 3, 3)


def _plain_resnet(ours: str, theirs: str, before: int, width: int) -> Triples:
    """From `before` channels to `width`."""
    yield from _both(f"{ours}.norm1", f"{theirs}.norm1", before)
    yield from _both(f"{ours}.conv1", f"{theirs}.conv1", width, before, 3, 3)
    yield from _both(f"{ours}.norm2", f"{theirs}.norm2", width)
    yield from _both(f"{ours}.conv2", f"{theirs}.conv2", width, width, 3, 3)
    if before != width:
        yield from _both(f"{ours}.conv_shortcut", f"{theirs}.nin_shortcut", width, before, 1, 1)


# Text encoders


def _clip(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names of transformers, and shapes."""
    width, hidden = config["hidden_size"], config["intermediate_size"]
    yield "embeddings.token_embedding.weight", (config["vocab_size"], width)
    yield "embeddings.position_embedding.weight", (config["max_position_embeddings"], width)
    modules: dict[str, tuple[int, ...]] = {"final_layer_norm": (width,)}
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{number}"
        modules |= {f"{layer}.self_attn.{letter}_proj": (width, width) for letter in "qkv"}
        modules |= {f"{layer}.self_attn.out_proj": (width, width)}
        modules |= {f"{layer}.layer_norm{place}": (width,) for place in (1, 2)}
        modules |= {f"{layer}.mlp.fc1": (hidden, width), f"{layer}.mlp.fc2": (width, hidden)}
    for module, shape in modules.items():
        yield f"{module}.weight", shape
        yield f"{module}.bias", shape[:1]


def _open_clip(name: str, shape: tuple[int, ...]) -> Stored:
    """Where OpenCLIP keeps what transformers calls `name`."""
    match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if match is None:
        return Stored(_OPEN_CLIP[name], shape)
    layer, module, part = match.groups()
    place = f"transformer.resblocks.{layer}"
    if module in _LAYER:
        return Stored(f"{place}.{_LAYER[module]}.{part}", shape)
    return Stored(f"{place}.attn.in_proj_{part}", shape, third="qkv".index(module[-6]))


def _both(ours: str, theirs: str, *shape: int) -> Triples:
    yield f"{ours}.weight", f"{theirs}.weight", shape
    yield f"{ours}.bias", f"{theirs}.bias", shape[:1]


def _each(value: Any, blocks: int) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value] * blocks
