"""Stable Diffusion's UNet and autoencoder as OpenVINO graphs, built layer by layer from a checkpoint's tensors.

No network of PyTorch is made and nothing is traced: the constants are the memory-mapped tensors. Batch, height, width
and number of tokens stay open, so that one compiled graph serves every request. The sinusoids of times and sizes come
in from outside, in float32: a bfloat16 product of time and frequency is wrong by several per cent.

Layers have the names of diffusers (`UNet2DConditionModel`, `AutoencoderKL`), whose configurations are read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as ops
import torch
from torch import Tensor

from figment.diffusion.eight_bit import LEVELS, Ranges, levels, pays, rounded
from figment.diffusion.networks import Weights

__all__ = ["decoder", "encoder", "shallow_unet", "unet", "watched_unet"]

Node = Any
"""A value in the graph; OpenVINO's types are not written down."""
GROUPS = 32


class _Layers:
    """Layers whose weights come from one mapping; those in `ranges` multiply in eight bits."""

    def __init__(self, weights: Weights, *, half: bool, tiling: bool = False, ranges: Ranges | None = None) -> None:
        self.weights, self.half, self.tiling, self.ranges = weights, half, tiling, ranges or {}
        self.inputs: dict[str, Node] = {}
        """What the layers that may be rounded are given."""

    def constant(self, name: str, shape: Sequence[int] | None = None) -> Node:
        return self.stored(self.weights[name], shape)

    def stored(self, tensor: Tensor, shape: Sequence[int] | None = None) -> Node:
        """A weight; in half precision where the network computes in no more."""
        array = _array(tensor.half() if self.half and tensor.dim() > 1 else tensor)
        node = ops.constant(array if shape is None else array.reshape(shape), shared_memory=True)
        if array.dtype == np.float32:
            return node
        whole = ops.convert(node, "f32")
        whole.get_rt_info()["decompression_0"] = True  # keeps the constant in half precision in memory
        return whole

    def factors(self, x: Node, name: str) -> tuple[Node, Node]:
        """What layer `name` multiplies: `x` and its weights, rounded where it has a range."""
        weight = self.weights[f"{name}.weight"]
        if pays(name, weight):
            self.inputs[name] = x
        if name not in self.ranges:
            return x, self.stored(weight)
        low, high = (ops.constant(np.float32(end)) for end in levels(*self.ranges[name], signed=weight.dim() == 2))
        whole, scale = rounded(weight)
        constant = ops.convert(ops.constant(whole, shared_memory=True), "f32")
        return ops.fake_quantize(x, low, high, low, high, LEVELS), ops.multiply(constant, ops.constant(scale))

    def linear(self, x: Node, name: str) -> Node:
        x, weight = self.factors(x, name)
        out = ops.matmul(x, weight, transpose_a=False, transpose_b=True)
        return ops.add(out, self.constant(f"{name}.bias")) if f"{name}.bias" in self.weights else out

    def conv(self, x: Node, name: str, *, stride: int = 1, pads: tuple[int, int] | None = None) -> Node:
        """A convolution that keeps the size over `stride`; `pads` are those before and after, of both sides."""
        x, weight = self.factors(x, name)
        before, after = pads or (int(weight.shape[-1]) // 2,) * 2
        if self.tiling and after:
            x = _wrapped(_wrapped(x, 2, before, after), 3, before, after)
            before = after = 0
        out = ops.convolution(x, weight, [stride] * 2, [before] * 2, [after] * 2, [1, 1])
        return ops.add(out, self.constant(f"{name}.bias", (1, -1, 1, 1)))

    def group_norm(self, x: Node, name: str, eps: float) -> Node:
        scale, shift = (self.constant(f"{name}.{part}") for part in ("weight", "bias"))
        return ops.group_normalization(x, scale, shift, GROUPS, eps)

    def layer_norm(self, x: Node, name: str) -> Node:
        normed = ops.mvn(x, ops.constant([-1]), True, 1e-5, "inside_sqrt")
        return ops.add(ops.multiply(normed, self.constant(f"{name}.weight")), self.constant(f"{name}.bias"))

    def resnet(self, x: Node, name: str, eps: float, embedded: Node | None = None) -> Node:
        """Two convolutions beside a skip; the embedding of the time is added between them."""
        hidden = self.conv(_silu(self.group_norm(x, f"{name}.norm1", eps)), f"{name}.conv1")
        if embedded is not None:
            shift = self.linear(embedded, f"{name}.time_emb_proj")
            hidden = ops.add(hidden, ops.unsqueeze(shift, ops.constant([2, 3])))
        hidden = self.conv(_silu(self.group_norm(hidden, f"{name}.norm2", eps)), f"{name}.conv2")
        if f"{name}.conv_shortcut.weight" in self.weights:
            x = self.conv(x, f"{name}.conv_shortcut")
        return ops.add(x, hidden)

    def attention(self, x: Node, told: Node, name: str, heads: int) -> Node:
        """Attention of x (B, N, C) to `told` (B, M, D)."""
        query, key, value = (
            _split(self.linear(source, f"{name}.to_{part}"), heads)
            for part, source in (("q", x), ("k", told), ("v", told))
        )
        out = ops.transpose(ops.scaled_dot_product_attention(query, key, value), ops.constant([0, 2, 1, 3]))
        return self.linear(ops.reshape(out, ops.constant([0, 0, -1]), special_zero=True), f"{name}.to_out.0")

    def transformer(self, x: Node, context: Node, name: str, heads: int, depth: int, *, linear: bool) -> Node:
        """Blocks of attention to all places and to the prompt, over the places of x (B, C, h, w)."""
        hidden = self.group_norm(x, f"{name}.norm", 1e-6)
        if not linear:
            hidden = self.conv(hidden, f"{name}.proj_in")
        hidden = ops.transpose(hidden, ops.constant([0, 2, 3, 1]))
        shape = ops.shape_of(hidden)
        hidden = ops.reshape(hidden, ops.constant([0, -1, _channels(hidden)]), special_zero=True)
        if linear:
            hidden = self.linear(hidden, f"{name}.proj_in")
        for number in range(depth):
            hidden = self._block(hidden, context, f"{name}.transformer_blocks.{number}", heads)
        if linear:
            hidden = self.linear(hidden, f"{name}.proj_out")
        hidden = ops.transpose(ops.reshape(hidden, shape, special_zero=False), ops.constant([0, 3, 1, 2]))
        return ops.add(x, hidden if linear else self.conv(hidden, f"{name}.proj_out"))

    def _block(self, x: Node, context: Node, name: str, heads: int) -> Node:
        normed = self.layer_norm(x, f"{name}.norm1")
        x = ops.add(x, self.attention(normed, normed, f"{name}.attn1", heads))
        x = ops.add(x, self.attention(self.layer_norm(x, f"{name}.norm2"), context, f"{name}.attn2", heads))
        gated = self.linear(self.layer_norm(x, f"{name}.norm3"), f"{name}.ff.net.0.proj")
        hidden, gate = ops.split(gated, ops.constant(-1), 2).outputs()
        return ops.add(x, self.linear(ops.multiply(hidden, ops.gelu(gate, "erf")), f"{name}.ff.net.2"))


def unet(
    config: Mapping[str, Any],
    weights: Weights,
    *,
    half: bool,
    tiling: bool = False,
    ranges: Ranges | None = None,
    depths: bool = False,
) -> ov.Model:
    """The UNet: inputs x (B, C, h, w), time (B, F), context (B, T, D) and, for SDXL, added (B, A); output (B, 4, h, w).

    "time" holds the sinusoids of the times; "added" the pooled prompt and the sinusoids of the sizes. With `depths`
    there is a second output, the features that the last block takes from below, an input of `shallow_unet`.
    """
    net = _UNet(config, _Layers(weights, half=half, tiling=tiling, ranges=ranges))
    end, features = _whole(net)
    return ov.Model([end, *([features] if depths else [])], net.inputs, "unet")


def watched_unet(config: Mapping[str, Any], weights: Weights, *, half: bool) -> tuple[ov.Model, list[str]]:
    """The UNet with a second output (2, N): the least and the largest number that N layers are given; their names."""
    net = _UNet(config, _Layers(weights, half=half))
    end, _ = _whole(net)
    ends = [
        ops.concat(
            [ops.reshape(reduce(x, _axes(x), keep_dims=False), [1], False) for x in net.layers.inputs.values()], 0
        )
        for reduce in (ops.reduce_min, ops.reduce_max)
    ]
    both = ops.concat([ops.unsqueeze(one, ops.constant(0)) for one in ends], 0)
    return ov.Model([end, both], net.inputs, "watched"), list(net.layers.inputs)


def _whole(net: "_UNet") -> tuple[Node, Node]:
    """The output of the whole network, and the features that the last block takes from below."""
    hidden, skips = net.down(0, net.layers.conv(net.x, "conv_in"))
    for block in range(1, net.blocks):
        hidden, more = net.down(block, hidden)
        skips += more
    hidden = net.level(hidden, "mid_block", 0, net.blocks - 1, attends=True)
    hidden = net.layers.resnet(hidden, "mid_block.resnets.1", net.eps, net.embedded)
    for block in range(net.blocks - 1):
        hidden = net.up(block, hidden, skips)
        hidden = net.layers.conv(_enlarged(hidden, ops.shape_of(skips[-1])), f"up_blocks.{block}.upsamplers.0.conv")
    return net.end(net.up(net.blocks - 1, hidden, skips)), hidden


def shallow_unet(
    config: Mapping[str, Any], weights: Weights, *, half: bool, tiling: bool = False, ranges: Ranges | None = None
) -> ov.Model:
    """The first and the last block alone; input "features" besides those of `unet`."""
    net = _UNet(config, _Layers(weights, half=half, tiling=tiling, ranges=ranges))
    features = ops.parameter([-1, config["block_out_channels"][1], -1, -1], np.float32, name="features")
    _, skips = net.down(0, net.layers.conv(net.x, "conv_in"), ends=True)
    return ov.Model([net.end(net.up(net.blocks - 1, features, skips))], [*net.inputs, features], "shallow")


class _UNet:
    """The parts of the UNet."""

    def __init__(self, config: Mapping[str, Any], layers: _Layers) -> None:
        self.config, self.layers = config, layers
        widths = config["block_out_channels"]
        self.blocks, self.depth, self.eps = len(widths), config["layers_per_block"], config["norm_eps"]
        self.heads, self.depths = (
            _each(config[key], self.blocks) for key in ("attention_head_dim", "transformer_layers_per_block")
        )
        self.x = ops.parameter([-1, config["in_channels"], -1, -1], np.float32, name="x")
        time = ops.parameter([-1, widths[0]], np.float32, name="time")
        self.context = ops.parameter([-1, -1, config["cross_attention_dim"]], np.float32, name="context")
        self.inputs = [self.x, time, self.context]
        embedded = layers.linear(_silu(layers.linear(time, "time_embedding.linear_1")), "time_embedding.linear_2")
        if config.get("addition_embed_type"):
            added = ops.parameter([-1, config["projection_class_embeddings_input_dim"]], np.float32, name="added")
            self.inputs.append(added)
            extra = layers.linear(_silu(layers.linear(added, "add_embedding.linear_1")), "add_embedding.linear_2")
            embedded = ops.add(embedded, extra)
        self.embedded = _silu(embedded)

    def level(self, hidden: Node, name: str, number: int, block: int, *, attends: bool) -> Node:
        """A residual block, and attention after it where there is any."""
        hidden = self.layers.resnet(hidden, f"{name}.resnets.{number}", self.eps, self.embedded)
        if not attends:
            return hidden
        place, linear = f"{name}.attentions.{number}", bool(self.config["use_linear_projection"])
        return self.layers.transformer(
            hidden, self.context, place, self.heads[block], self.depths[block], linear=linear
        )

    def down(self, block: int, hidden: Node, *, ends: bool = False) -> tuple[Node, list[Node]]:
        """A block on the way down, and what it leaves for the way up; without its last, smaller one, if it `ends`."""
        attends = "CrossAttn" in self.config["down_block_types"][block]
        left = [hidden] if block == 0 else []
        for number in range(self.depth):
            hidden = self.level(hidden, f"down_blocks.{block}", number, block, attends=attends)
            left.append(hidden)
        if block < self.blocks - 1 and not ends:
            hidden = self.layers.conv(hidden, f"down_blocks.{block}.downsamplers.0.conv", stride=2)
            left.append(hidden)
        return hidden, left

    def up(self, block: int, hidden: Node, skips: list[Node]) -> Node:
        """A block on the way up, which takes the last of `skips` away."""
        attends = "CrossAttn" in self.config["up_block_types"][block]
        for number in range(self.depth + 1):
            hidden = ops.concat([hidden, skips.pop()], 1)
            hidden = self.level(hidden, f"up_blocks.{block}", number, self.blocks - 1 - block, attends=attends)
        return hidden

    def end(self, hidden: Node) -> Node:
        return self.layers.conv(_silu(self.layers.group_norm(hidden, "conv_norm_out", self.eps)), "conv_out")


def decoder(config: Mapping[str, Any], weights: Weights, *, half: bool, tiling: bool = False) -> ov.Model:
    """The autoencoder's way from latents (B, 4, h, w), not scaled, to pictures (B, 3, 8h, 8w)."""
    layers = _Layers(weights, half=half, tiling=tiling)
    latents = ops.parameter([-1, config["latent_channels"], -1, -1], np.float32, name="latents")
    hidden = latents
    if "post_quant_conv.weight" in weights:
        hidden = layers.conv(hidden, "post_quant_conv")
    hidden = _middle(layers, layers.conv(hidden, "decoder.conv_in"), "decoder.mid_block")
    blocks = len(config["block_out_channels"])
    for block in range(blocks):
        for number in range(config["layers_per_block"] + 1):
            hidden = layers.resnet(hidden, f"decoder.up_blocks.{block}.resnets.{number}", 1e-6)
        if block < blocks - 1:
            hidden = layers.conv(_doubled(hidden), f"decoder.up_blocks.{block}.upsamplers.0.conv")
    out = layers.conv(_silu(layers.group_norm(hidden, "decoder.conv_norm_out", 1e-6)), "decoder.conv_out")
    return ov.Model([out], [latents], "decoder")


def encoder(config: Mapping[str, Any], weights: Weights, *, half: bool, tiling: bool = False) -> ov.Model:
    """The autoencoder's way from pictures (B, 3, H, W) to the means of latents (B, 4, H / 8, W / 8), not scaled."""
    layers = _Layers(weights, half=half, tiling=tiling)
    pictures = ops.parameter([-1, config["in_channels"], -1, -1], np.float32, name="pictures")
    hidden = layers.conv(pictures, "encoder.conv_in")
    blocks = len(config["block_out_channels"])
    for block in range(blocks):
        for number in range(config["layers_per_block"]):
            hidden = layers.resnet(hidden, f"encoder.down_blocks.{block}.resnets.{number}", 1e-6)
        if block < blocks - 1:
            hidden = layers.conv(hidden, f"encoder.down_blocks.{block}.downsamplers.0.conv", stride=2, pads=(0, 1))
    hidden = _silu(layers.group_norm(_middle(layers, hidden, "encoder.mid_block"), "encoder.conv_norm_out", 1e-6))
    hidden = layers.conv(hidden, "encoder.conv_out")
    if "quant_conv.weight" in weights:
        hidden = layers.conv(hidden, "quant_conv")
    means, _ = ops.split(hidden, ops.constant(1), 2).outputs()
    return ov.Model([means], [pictures], "encoder")


def _middle(layers: _Layers, x: Node, name: str) -> Node:
    """Attention of one head between two residual blocks."""
    x = layers.resnet(x, f"{name}.resnets.0", 1e-6)
    place = f"{name}.attentions.0"
    hidden = ops.transpose(layers.group_norm(x, f"{place}.group_norm", 1e-6), ops.constant([0, 2, 3, 1]))
    shape = ops.shape_of(hidden)
    hidden = ops.reshape(hidden, ops.constant([0, -1, _channels(hidden)]), special_zero=True)
    hidden = ops.reshape(layers.attention(hidden, hidden, place, 1), shape, special_zero=False)
    x = ops.add(x, ops.transpose(hidden, ops.constant([0, 3, 1, 2])))
    return layers.resnet(x, f"{name}.resnets.1", 1e-6)


def _silu(x: Node) -> Node:
    return ops.swish(x)


def _split(x: Node, heads: int) -> Node:
    """(B, N, C) as (B, heads, N, C / heads)."""
    apart = ops.reshape(x, ops.constant([0, 0, heads, _channels(x) // heads]), special_zero=True)
    return ops.transpose(apart, ops.constant([0, 2, 1, 3]))


def _enlarged(x: Node, shape: Node) -> Node:
    """x as high and wide as `shape` (4) says, every value repeated."""
    sizes = ops.gather(shape, ops.constant([2, 3]), ops.constant(0))
    return _nearest(x, sizes, "sizes")


def _doubled(x: Node) -> Node:
    return _nearest(x, ops.constant(np.array([2, 2], np.float32)), "scales")


def _wrapped(x: Node, axis: int, before: int, after: int) -> Node:
    """x with its other end before its start, and its start after its end."""

    def part(start: int, end: int) -> Node:
        return ops.slice(x, *(ops.constant([number]) for number in (start, end, 1, axis)))

    pieces = [part(-before, 2**31 - 1)] if before else []
    return ops.concat([*pieces, x, part(0, after)], axis)


def _nearest(x: Node, wanted: Node, how: str) -> Node:
    return ops.interpolate(
        x,
        wanted,
        "nearest",
        how,
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=ops.constant([2, 3]),
    )


def _channels(x: Node) -> int:
    return int(x.get_output_partial_shape(0)[-1].get_length())


def _axes(x: Node) -> Node:
    return ops.constant(list(range(len(x.get_output_partial_shape(0)))))


def _each(value: Any, blocks: int) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value] * blocks


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The memory of a tensor; bfloat16, which numpy lacks, as float32."""
    plain = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return plain.contiguous().numpy()
