"""A small bilingual text encoder: token states for cross-attention and one vector for the whole text.

It learns from a far larger sentence encoder (knowledge distillation, Reimers & Gurevych 2020), so it knows words that
no caption of the pictures holds.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax, normalize

from figment.core.config import Field, config
from figment.nn.transformer import Block

__all__ = ["TextEncoder", "TextEncoderConfig", "TextStates", "distillation_loss"]


@config
class TextEncoderConfig:
    """Size of a text encoder."""

    vocabulary: Annotated[int, Field(ge=259, le=65536)] = 24576
    """Tokens of the tokenizer."""
    width: Annotated[int, Field(ge=8, le=1024, multiple_of=8)] = 256
    """Channels of a token state."""
    depth: Annotated[int, Field(ge=1, le=24)] = 4
    """Transformer blocks."""
    heads: Annotated[int, Field(ge=1, le=16)] = 4
    """Attention heads; they must divide the width."""
    length: Annotated[int, Field(ge=2, le=256)] = 64
    """Most tokens of a text."""
    output: Annotated[int, Field(ge=1, le=2048)] = 384
    """Channels of the text vector: those of the teacher."""


@dataclass(frozen=True)
class TextStates:
    """What the encoder says of B texts."""

    tokens: Tensor
    """(B, L, width) state of every token, layer-normalised."""
    pooled: Tensor
    """(B, output) one vector of unit length per text."""
    mask: Tensor
    """(B, L) bool, True where there is text."""


class TextEncoder(nn.Module):
    """A pre-norm transformer over pieces, seeing in both directions."""

    def __init__(self, settings: TextEncoderConfig) -> None:
        super().__init__()
        self.config = settings
        self.pieces = nn.Embedding(settings.vocabulary, settings.width)
        self.positions = nn.Parameter(0.02 * torch.randn(settings.length, settings.width))
        self.blocks = nn.ModuleList(Block(settings.width, settings.heads) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(settings.width)
        self.head = nn.Linear(settings.width, settings.output, bias=False)
        nn.init.normal_(self.pieces.weight, std=settings.width**-0.5)

    @torch.no_grad()
    def start_from(self, tokens: Tensor, mask: Tensor, vectors: Tensor) -> None:
        """Make a fresh encoder a bag of pieces: each piece's embedding becomes the mean of the texts that hold it.

        `tokens` and `mask` (N, L) are texts, `vectors` (N, output) their teacher vectors. The embeddings keep the
        `width` directions in which those means differ most, and the head leads back. Pieces in no text stay as they
        are. A rare piece would otherwise take many passes over the texts to find its place.
        """
        means, seen = _piece_means(tokens, mask, vectors, self.config.vocabulary)
        directions = torch.linalg.svd(means[seen], full_matrices=False).Vh[: self.config.width]
        kept = len(directions)
        placed = means[seen] @ directions.T
        placed = placed / placed.square().sum(dim=1).mean().sqrt()
        self.pieces.weight[seen, :kept] = placed.to(self.pieces.weight.device)
        self.pieces.weight[seen, kept:] = 0
        self.head.weight.zero_()
        self.head.weight[:, :kept] = directions.T.to(self.head.weight.device)

    def forward(self, tokens: Tensor, mask: Tensor) -> TextStates:
        """States of `tokens` (B, L) int64; `mask` (B, L) is True where there is text. L is at most `config.length`."""
        x = self.pieces(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        states = self.norm(x)
        weights = mask.to(states.dtype)[..., None]
        mean = (states * weights).sum(1) / weights.sum(1)
        return TextStates(states, normalize(self.head(mean).float(), dim=1), mask)


def _piece_means(tokens: Tensor, mask: Tensor, vectors: Tensor, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Mean vector (vocabulary, D) of the texts that hold each piece, short texts counting more; and (vocabulary,) bool,
    True for pieces that some text holds."""
    rows, columns = mask.nonzero(as_tuple=True)
    pieces = tokens[rows, columns]
    shares = 1 / mask.sum(dim=1)[rows]
    weights = torch.zeros(vocabulary).index_add_(0, pieces, shares)
    sums = torch.zeros(vocabulary, vectors.shape[1])
    for some, row, share in zip(*(torch.split(column, 4096) for column in (pieces, rows, shares)), strict=True):
        sums.index_add_(0, some, vectors[row] * share[:, None])
    # The added count draws pieces that few texts hold to the middle, for their means are uncertain.
    return sums / (weights[:, None] + 0.3), weights > 0


def distillation_loss(pooled: Tensor, teacher: Tensor, temperature: float = 0.05) -> Tensor:
    """How far unit vectors `pooled` (B, D) are from `teacher` (B, D), each by itself and among the rest of the batch.

    One minus the cosine asks for the teacher's direction. The divergence between how student and teacher rank the
    batch (Kullback-Leibler, over softmax of similarities) asks for what tells near neighbours apart, which the cosine
    hardly sees; soft ranks do not push synonyms away, as picking the one right answer would.
    """
    target = normalize(teacher.float(), dim=1)
    similarity = pooled @ target.T
    wanted = log_softmax(target @ target.T / temperature, dim=1)
    found = log_softmax(similarity / temperature, dim=1)
    direction = 1 - similarity.diagonal().mean()
    return direction + kl_div(found, wanted, reduction="batchmean", log_target=True)
