"""The names that a UNet's modules have in Stability's own code (LDM, SGM), where blocks are counted through."""

import re
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["ldm_names"]

_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_INNER = re.compile(r"(?:(down|up)_blocks\.(\d+)|mid_block)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")


def ldm_names(modules: Iterable[str]) -> dict[str, str]:
    """LDM's name of every module of a UNet that diffusers calls by the names `modules`; numbers follow from these."""
    found = {module: match for module in modules if (match := _INNER.fullmatch(module))}
    starts, attentive = _counted(found.values())
    names = {module: _ENDS[module] for module in modules if module in _ENDS}
    for module, match in found.items():
        side, block, kind, number, rest = match.groups()
        rest = _RESIDUAL.get(rest, rest) if kind == "resnets" else rest
        if side is None:
            place = 2 * int(number) + (kind == "attentions")
            names[module] = f"middle_block.{place}.{rest}"
        elif kind == "downsamplers":
            names[module] = f"input_blocks.{starts['down', int(block) + 1] - 1}.0.op"
        elif kind == "upsamplers":
            place = 1 + ((side, int(block)) in attentive)
            names[module] = f"output_blocks.{starts['up', int(block) + 1] - 1}.{place}.conv"
        else:
            way = "input" if side == "down" else "output"
            count = starts[side, int(block)] + int(number)
            names[module] = f"{way}_blocks.{count}.{int(kind == 'attentions')}.{rest}"
    return names


def _counted(found: Iterable[re.Match[str]]) -> tuple[dict[tuple[str, int], int], set[tuple[str, int]]]:
    """LDM's number of the first block of each of diffusers' blocks, one beyond the last, and which have attention.

    A downsampler counts as a block; an upsampler is part of the one before. Number 0 on the way down is conv_in.
    """
    layers: dict[tuple[str, int], int] = defaultdict(int)
    attentive: set[tuple[str, int]] = set()
    shrinking: set[tuple[str, int]] = set()
    for match in found:
        side, block, kind, number, _ = match.groups()
        if side is None:
            continue
        key = (side, int(block))
        if kind == "resnets":
            layers[key] = max(layers[key], int(number) + 1)
        elif kind == "attentions":
            attentive.add(key)
        elif kind == "downsamplers":
            shrinking.add(key)
    starts = {("down", 0): 1, ("up", 0): 0}
    for side, block in sorted(layers):
        key = (side, block)
        starts[side, block + 1] = starts[key] + layers[key] + (key in shrinking)
    return starts, attentive
