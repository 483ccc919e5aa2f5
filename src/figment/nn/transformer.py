"""Blocks of a latent transformer (DiT, Peebles & Xie 2023): time embedding, 2-D positions, adaLN-zero blocks."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, silu

from figment.nn.attention import attend

__all__ = ["Block", "JointBlock", "TimeEmbedding", "grid_positions", "modulate"]


def grid_positions(rows: int, columns: int, width: int, side: int) -> Tensor:
    """(rows * columns, width) sine-cosine embedding of a grid, stretched to the extent of a `side` x `side` one."""
    frequencies = torch.exp(-math.log(1e4) * torch.arange(width // 4) / (width // 4))

    def axis(count: int) -> Tensor:
        angles = (torch.arange(count) * side / count)[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    down = axis(rows)[:, None].expand(rows, columns, -1)
    across = axis(columns)[None].expand(rows, columns, -1)
    return torch.cat([down, across], dim=2).reshape(rows * columns, width)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without parameters, then a scale and shift that depend on the condition; (B, N, C)."""
    return layer_norm(x, x.shape[-1:]) * (1 + scale) + shift


class TimeEmbedding(nn.Module):
    """(B,) times in [0, 1] to (B, width) vectors: sinusoids in float32, then two layers."""

    frequencies: Tensor

    def __init__(self, width: int, frequencies: int = 128) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, math.log(1000), frequencies)), persistent=False)
        self.layers = nn.Sequential(nn.Linear(2 * frequencies, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, time: Tensor) -> Tensor:
        angles = time.float()[:, None] * self.frequencies
        embedded: Tensor = self.layers(torch.cat([angles.cos(), angles.sin()], dim=1))
        return embedded


class Block(nn.Module):
    """Self-attention, then an MLP, each on normalised input and added to the stream (pre-norm transformer)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        # A fresh block adds nothing: training starts from the plain stream, which is a fair encoder already.
        nn.init.zeros_(self.attention_out.weight)
        nn.init.zeros_(self.contract.weight)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, L, width); mask (B, L) bool."""
        batch, length, width = x.shape
        joined = self.qkv(self.attention_norm(x)).view(batch, length, 3, self.heads, -1)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = attend(query, key, value, mask).transpose(1, 2).reshape(batch, length, width)
        x = x + self.attention_out(mixed)
        out: Tensor = x + self.contract(gelu(self.expand(self.mlp_norm(x))))
        return out


class JointBlock(nn.Module):
    """Self-attention in which image tokens also see text tokens, then an MLP; both gated by the condition.

    The text adds keys and values only, so a caption costs a few percent of the block. The gates start at zero:
    a fresh block is the identity (adaLN-zero).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.image_qkv = nn.Linear(width, 3 * width)
        self.text_kv = nn.Linear(width, 2 * width)
        self.attention_out = nn.Linear(width, width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        self.condition = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, condition: Tensor, text: Tensor, seen: Tensor) -> Tensor:
        """x (B, N, width); condition (B, width); text (B, L, width); seen (B, N + L) bool."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.condition(silu(condition))[:, None].chunk(6, dim=-1)
        x = x + gate_a * self._attention(modulate(x, shift_a, scale_a), text, seen)
        hidden = gelu(self.expand(modulate(x, shift_m, scale_m)))
        out: Tensor = x + gate_m * self.contract(hidden)
        return out

    def _attention(self, x: Tensor, text: Tensor, seen: Tensor) -> Tensor:
        batch, count, width = x.shape
        query, key, value = self._split(self.image_qkv(x), 3)
        text_key, text_value = self._split(self.text_kv(text), 2)
        keys, values = torch.cat([key, text_key], dim=2), torch.cat([value, text_value], dim=2)
        mixed = attend(query, keys, values, seen).transpose(1, 2).reshape(batch, count, width)
        out: Tensor = self.attention_out(mixed)
        return out

    def _split(self, joined: Tensor, parts: int) -> tuple[Tensor, ...]:
        batch, count, _ = joined.shape
        return joined.view(batch, count, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
