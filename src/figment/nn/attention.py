"""Scaled dot-product attention that is fast on the device at hand."""

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

__all__ = ["attend"]


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention of (B, heads, N, D) queries to (B, heads, M, D) keys and values (Vaswani et al. 2017, eq. 1).

    `mask` is (B, M), True where a key may be seen; every query must see at least one key.
    Short sequences in bfloat16 on a CPU go through plain matrix products: the fused kernel took three to four times
    as long there (12 to 100 tokens, forward and backward).
    """
    allowed = None if mask is None else mask[:, None, None, :]
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        return scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed, float("-inf"))
    return torch.softmax(scores, dim=-1) @ value
