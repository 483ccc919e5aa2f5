"""The gated network in two stacks (van den Oord et al. 2016b): one reads the rows above, one the pixels to the left.

Together they see every earlier pixel within reach and no later one: the blind spot of a single masked stack is gone.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu, scaled_dot_product_attention

__all__ = ["Attention", "Gated", "Network", "gate"]

ROWS, SIDEWAYS = 3, 3
"""Pixels that the first layer sees upwards, and to either side."""


def gate(x: Tensor) -> Tensor:
    """tanh of the first half of the channels times the sigmoid of the second (eq. 2)."""
    signal, opening = x.chunk(2, dim=1)
    return signal.tanh() * opening.sigmoid()


class Gated(nn.Module):
    """One layer of both stacks, each with a residual connection."""

    def __init__(self, width: int, condition: int, dropout: float) -> None:
        super().__init__()
        self.rows = nn.Conv2d(width, 2 * width, (2, 3))
        self.left = nn.Conv2d(width, 2 * width, (1, 2))
        self.link = nn.Conv2d(2 * width, 2 * width, 1, bias=False)
        self.out = nn.Conv2d(width, width, 1)
        self.condition = nn.Linear(condition, 4 * width, bias=False) if condition else None
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, above: Tensor, left: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features (B, C, H, W) of the rows above each pixel, and of all that comes before it."""
        rows = self.rows(pad(above, (1, 1, 1, 0)))
        both = self.left(pad(left, (1, 0, 0, 0))) + self.link(rows)
        if self.condition is not None and condition is not None:
            for_rows, for_left = self.condition(condition)[:, :, None, None].chunk(2, dim=1)
            rows, both = rows + for_rows, both + for_left
        return above + gate(rows), left + self.out(self.dropout(gate(both)))


class Attention(nn.Module):
    """Every pixel looks at all that the pixels before it, and itself, have gathered (PixelSNAIL, Chen et al. 2018)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, left: Tensor) -> Tensor:
        batch, width, height, across = left.shape
        joined = self.qkv(left).view(batch, 3, self.heads, width // self.heads, height * across)
        query, key, value = joined.transpose(3, 4).unbind(1)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        out: Tensor = left + self.out(mixed.transpose(2, 3).reshape(batch, width, height, across))
        return out


class Network(nn.Module):
    """What is said (B, K, H, W), float32, of every pixel of (B, C, H, W), from the pixels before it alone."""

    def __init__(
        self,
        *,
        channels: int,
        side: int,
        width: int,
        layers: int,
        hidden: int,
        outputs: int,
        condition: int = 0,
        attention_every: int = 0,
        heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.rows_in = nn.Conv2d(channels, width, (ROWS, 2 * SIDEWAYS + 1))
        self.left_in = nn.Conv2d(channels, width, (1, SIDEWAYS))
        self.down = nn.Parameter(torch.zeros(1, 2 * width, side, 1))  # where a pixel is, for either stack
        self.across = nn.Parameter(torch.zeros(1, 2 * width, 1, side))
        self.layers = nn.ModuleList(Gated(width, condition, dropout) for _ in range(layers))
        attends = [bool(attention_every) and (number + 1) % attention_every == 0 for number in range(layers)]
        self.attends = tuple(number for number, here in enumerate(attends) if here)
        self.attention = nn.ModuleList(Attention(width, heads) for _ in self.attends)
        self.hidden = nn.Conv2d(width, hidden, 1)
        self.out = nn.Conv2d(hidden, outputs, 1)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images in [-1, 1]; condition (B, D) or None."""
        places_above, places_left = (self.down + self.across).chunk(2, dim=1)
        above = self.rows_in(pad(images, (SIDEWAYS, SIDEWAYS, ROWS, 0)))[:, :, :-1] + places_above
        left = self.left_in(pad(images, (SIDEWAYS, 0, 0, 0)))[..., :-1] + places_left
        for number, layer in enumerate(self.layers):
            above, left = layer(above, left, condition)
            if number in self.attends:
                left = self.attention[self.attends.index(number)](left)
        out: Tensor = self.out(relu(self.hidden(relu(left))))
        return out.float()
