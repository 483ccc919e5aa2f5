"""A transformer over latent patches, conditioned on a time and on text states (DiT, Peebles & Xie 2023)."""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle
from torch.optim import AdamW, Muon, Optimizer

from figment.core.config import Field, config
from figment.nn.transformer import Block, JointBlock, TimeEmbedding, grid_positions, modulate

__all__ = ["LatentTransformer", "LatentTransformerConfig"]


@config
class LatentTransformerConfig:
    """Sizes of the transformer."""

    width: Annotated[int, Field(ge=16, le=4096, multiple_of=4)] = 256
    """Channels of a token."""
    depth: Annotated[int, Field(ge=1, le=64)] = 10
    """Blocks."""
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    """Attention heads; must divide the width."""
    patch: Annotated[int, Field(ge=1, le=8)] = 2
    """Latent cells along each side of a token."""


class LatentTransformer(nn.Module):
    """v(x, t, text): the velocity of a latent (B, Z, H, W) at times (B,) in [0, 1]."""

    def __init__(self, config: LatentTransformerConfig, channels: int, side: int, text_width: int, pooled: int) -> None:
        super().__init__()
        width, self.patch = config.width, config.patch
        self.side = side // config.patch
        values = channels * config.patch**2
        self.patches_in = nn.Linear(values, width)
        self.time = TimeEmbedding(width)
        self.text_in = nn.Linear(text_width, width)
        self.refiner = Block(width, config.heads)
        self.pooled_in = nn.Sequential(nn.Linear(pooled, width), nn.SiLU(), nn.Linear(width, width))
        self.no_text = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.no_pooled = nn.Parameter(torch.zeros(1, pooled))
        self.blocks = nn.ModuleList(JointBlock(width, config.heads) for _ in range(config.depth))
        self.final_condition = nn.Linear(width, 2 * width)
        self.patches_out = nn.Linear(width, values)
        for layer in (self.final_condition, self.patches_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def read(self, tokens: Tensor, seen: Tensor, pooled: Tensor, keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Conditions of a batch: text tokens (B, 1 + L, width), which of them are seen, and a vector (B, width).

        tokens (B, L, text_width), seen (B, L) bool, pooled (B, P) of unit length. Where `keep` (B,) is False the
        text is left out: only the learnt `no_text` token and `no_pooled` vector remain.
        """
        refined = self.refiner(self.text_in(tokens), seen)
        batch = tokens.shape[0]
        words = torch.cat([self.no_text.expand(batch, -1, -1).to(refined.dtype), refined], dim=1)
        scaled = pooled * pooled.shape[1] ** 0.5  # values near one, as linear layers expect them
        vector = self.pooled_in(torch.where(keep[:, None], scaled, self.no_pooled))
        first = torch.ones(batch, 1, dtype=torch.bool, device=seen.device)
        return words, torch.cat([first, seen & keep[:, None]], dim=1), vector

    def forward(self, x: Tensor, time: Tensor, text: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Velocity (B, Z, H, W), float32; `text` comes from `read`."""
        words, seen, vector = text
        rows, columns = x.shape[2] // self.patch, x.shape[3] // self.patch
        tokens = pixel_unshuffle(x, self.patch).flatten(2).transpose(1, 2)
        positions = grid_positions(rows, columns, self.patches_in.out_features, self.side).to(x.device)
        tokens = self.patches_in(tokens) + positions
        condition = self.time(time) + vector
        seen = torch.cat([seen.new_ones(x.shape[0], tokens.shape[1]), seen], dim=1)
        for block in self.blocks:
            tokens = block(tokens, condition, words, seen)
        shift, scale = self.final_condition(condition)[:, None].chunk(2, dim=-1)
        values = self.patches_out(modulate(tokens, shift, scale)).float()
        return pixel_shuffle(values.transpose(1, 2).unflatten(2, (rows, columns)), self.patch)

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        """Muon (Jordan 2024) for the matrices of the blocks, AdamW for the rest; they step together."""
        matrices = [
            weight
            for name, weight in self.named_parameters()
            if name.startswith(("blocks.", "refiner.")) and weight.ndim == 2 and ".condition." not in name
        ]
        chosen = {id(weight) for weight in matrices}
        rest = [weight for weight in self.parameters() if id(weight) not in chosen]
        return {
            "flow": Muon(matrices, lr=2 * learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
            "rest": AdamW(rest, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True),
        }
