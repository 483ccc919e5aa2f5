"""A transformer that writes a sequence of tokens, each after all earlier ones (GPT, Radford et al. 2018)."""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from figment.core.config import Field, config

__all__ = ["CausalTransformer", "CausalTransformerConfig", "Memory", "drawn"]


@config
class CausalTransformerConfig:
    """Sizes of the transformer."""

    width: Annotated[int, Field(ge=8, le=4096)] = 192
    """Numbers that stand for a token."""
    depth: Annotated[int, Field(ge=1, le=96)] = 6
    """Blocks."""
    heads: Annotated[int, Field(ge=1, le=64)] = 6
    """Attention heads; must divide the width."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the numbers left out in training."""


class Memory:
    """Keys and values of the tokens so far, for all blocks."""

    def __init__(self, settings: CausalTransformerConfig, batch: int, length: int, device: torch.device) -> None:
        shape = (settings.depth, batch, settings.heads, length, settings.width // settings.heads)
        self.keys, self.values = torch.zeros(2, *shape, device=device).unbind(0)
        self.length = 0


class CausalTransformer(nn.Module):
    """Logits (B, N, outputs), float32, of every token from those before it; the first follows from a start vector."""

    def __init__(self, settings: CausalTransformerConfig, vocabulary: int, outputs: int, length: int) -> None:
        """`vocabulary` tokens can be read, `outputs` can be written, in sequences of at most `length`."""
        super().__init__()
        self.settings = settings
        self.tokens = nn.Embedding(vocabulary, settings.width)
        self.places = nn.Parameter(torch.randn(length, settings.width) * 0.02)
        self.start = nn.Parameter(torch.randn(settings.width) * 0.02)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.dropout = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(_Block(settings) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(settings.width)
        self.out = nn.Linear(settings.width, outputs)

    def forward(self, tokens: Tensor, condition: Tensor | None = None) -> Tensor:
        """All at once, for whole sequences (B, N); `condition` (B, width) is added to the start."""
        begin = self._begin(len(tokens), condition)
        x = torch.cat([begin[:, None], self.tokens(tokens[:, :-1])], dim=1) + self.places[: tokens.shape[1]]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self._told(x)

    def step(self, memory: Memory, tokens: Tensor | None, condition: Tensor | None = None) -> Tensor:
        """Logits (B, outputs) of the next token: after the latest `tokens` (B,), or at the start without any."""
        batch = memory.keys.shape[1]
        x = self._begin(batch, condition) if tokens is None else self.tokens(tokens)
        x = (x + self.places[memory.length])[:, None]
        for number, block in enumerate(self.blocks):
            x = block(x, memory, number)
        memory.length += 1
        return self._told(x)[:, 0]

    def _begin(self, batch: int, condition: Tensor | None) -> Tensor:
        start = self.start.expand(batch, -1)
        return start if condition is None else start + condition

    def _told(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.norm(x))
        return logits.float()


class _Block(nn.Module):
    def __init__(self, settings: CausalTransformerConfig) -> None:
        super().__init__()
        self.heads = settings.heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(settings.width), nn.LayerNorm(settings.width)
        self.qkv = nn.Linear(settings.width, 3 * settings.width)
        self.attention_out = nn.Linear(settings.width, settings.width)
        self.expand = nn.Linear(settings.width, 4 * settings.width)
        self.contract = nn.Linear(4 * settings.width, settings.width)
        self.dropout = nn.Dropout(settings.dropout)
        for last in (self.attention_out, self.contract):  # the stream grows slowly with depth (GPT-2)
            nn.init.normal_(last.weight, std=0.02 * (2 * settings.depth) ** -0.5)

    def forward(self, x: Tensor, memory: Memory | None = None, number: int = 0) -> Tensor:
        """x (B, N, width); with a memory, N is 1 and all earlier tokens are in it."""
        batch, length, width = x.shape
        joined = self.qkv(self.attention_norm(x)).view(batch, length, 3, self.heads, -1)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        if memory is not None:
            memory.keys[number, :, :, memory.length] = key[:, :, 0]
            memory.values[number, :, :, memory.length] = value[:, :, 0]
            key, value = (kept[number, :, :, : memory.length + 1] for kept in (memory.keys, memory.values))
        mixed = scaled_dot_product_attention(query, key.to(query), value.to(query), is_causal=memory is None)
        x = x + self.dropout(self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width)))
        out: Tensor = x + self.dropout(self.contract(gelu(self.expand(self.mlp_norm(x)))))
        return out


def drawn(logits: Tensor, chance: Tensor) -> Tensor:
    """Tokens (B,) that uniform numbers `chance` (B,) pick from `logits` (B, V)."""
    total = torch.softmax(logits.double(), dim=1).cumsum(dim=1)
    return torch.searchsorted(total, chance.double()[:, None])[:, 0].clamp(max=logits.shape[1] - 1)
