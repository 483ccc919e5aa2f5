"""Prompts into the hidden states that the UNet attends to, as AUTOMATIC1111 does it.

A prompt of any length is cut into chunks of 75 tokens, each encoded by itself. Emphasis multiplies the hidden states of
its tokens, and the mean over all of them is put back. Names of embeddings are replaced by their vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from figment.core.errors import InputError
from figment.diffusion.kinds import Base, Kind, Part
from figment.diffusion.networks import Conditioning
from figment.diffusion.prompt import BREAK, weighted
from figment.diffusion.tokens import COMMA, END, PAD, START, tokens

__all__ = ["CHUNK", "Chunk", "Text", "chunks", "counted"]

CHUNK = 75
"""Tokens between start and end."""
LOOKS_BACK = 20
"""Tokens after a comma that move on to the next chunk with the one that finds no room."""


@dataclass
class Chunk:
    """75 tokens or fewer."""

    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    vectors: dict[int, str] = field(default_factory=dict)
    """Names of the embeddings whose vectors begin at a place."""
    comma: int = -1
    """Place of the last comma."""

    def add(self, token: int, weight: float) -> None:
        if token == COMMA:
            self.comma = len(self.tokens)
        self.tokens.append(token)
        self.weights.append(weight)


def chunks(prompt: str, lengths: Mapping[str, int]) -> list[Chunk]:
    """`prompt` in chunks; at least one. `lengths` are the numbers of vectors of the embeddings that are known."""
    found = [Chunk()]
    for piece in weighted(prompt):
        if piece.text == BREAK and piece.weight == -1:
            found.append(Chunk())
            continue
        for part, name in _named(piece.text, lengths):
            if name:
                _add_vectors(found, name, lengths[name], piece.weight)
            else:
                _add_words(found, tokens(part), piece.weight)
    if len(found) > 1 and not found[-1].tokens:
        found.pop()
    return found


def counted(prompt: str, lengths: Mapping[str, int]) -> tuple[int, int]:
    """Tokens of `prompt`, and how many there may be before it needs another chunk."""
    found = chunks(prompt, lengths)
    return CHUNK * (len(found) - 1) + len(found[-1].tokens), CHUNK * len(found)


def _named(text: str, lengths: Mapping[str, int]) -> list[tuple[str, str]]:
    """`text` in parts that are the name of an embedding, or not: (text, name or "")."""
    lowered = text.lower()
    place, parts = 0, []
    names = sorted((name for name in lengths if name.lower() in lowered), key=len, reverse=True)
    while place < len(text):
        hits = [(lowered.find(name.lower(), place), name) for name in names]
        start, name = min((hit for hit in hits if hit[0] >= 0), key=lambda hit: hit[0], default=(len(text), ""))
        if name and not _apart(text, start, start + len(name)):
            parts.append((text[place : start + 1], ""))
            place = start + 1
            continue
        parts.append((text[place:start], ""))
        if name:
            parts.append((text[start : start + len(name)], name))
        place = start + len(name) if name else len(text)
    return [part for part in _joined(parts) if part[0]]


def _joined(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Plain neighbours as one."""
    joined: list[tuple[str, str]] = []
    for text, name in parts:
        if joined and not name and not joined[-1][1]:
            joined[-1] = (joined[-1][0] + text, "")
        else:
            joined.append((text, name))
    return joined


def _apart(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit goes on at either end."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or after.isalnum())


def _add_words(found: list[Chunk], numbers: Sequence[int], weight: float) -> None:
    for token in numbers:
        chunk = found[-1]
        if len(chunk.tokens) == CHUNK:
            found.append(_moved(chunk) if token != COMMA else Chunk())
        found[-1].add(token, weight)


def _moved(full: Chunk) -> Chunk:
    """A new chunk, which takes what follows the last comma of the full one when that is near its end."""
    begins = full.comma + 1
    fresh = Chunk()
    if full.comma < 0 or CHUNK - full.comma > LOOKS_BACK:
        return fresh
    fresh.tokens, full.tokens = full.tokens[begins:], full.tokens[:begins]
    fresh.weights, full.weights = full.weights[begins:], full.weights[:begins]
    fresh.vectors = {place - begins: name for place, name in full.vectors.items() if place >= begins}
    full.vectors = {place: name for place, name in full.vectors.items() if place < begins}
    return fresh


def _add_vectors(found: list[Chunk], name: str, length: int, weight: float) -> None:
    if length > CHUNK:
        raise InputError(f"The embedding {name} has {length} vectors; a prompt has room for {CHUNK}.")
    if len(found[-1].tokens) + length > CHUNK:
        found.append(Chunk())
    chunk = found[-1]
    chunk.vectors[len(chunk.tokens)] = name
    for _ in range(length):
        chunk.add(PAD, weight)


# Encoders


class _Encoder:
    """One text encoder of transformers: hidden states of chunks, and the projection of the first chunk."""

    def __init__(self, network: nn.Module, part: Part, kind: Kind) -> None:
        self.network, self.part = network.eval(), part
        self.pad = END if part == "text" and kind.base is not Base.SD2 else PAD
        core: Any = getattr(network, "text_model", network)
        self.embed: nn.Module = core.embeddings.token_embedding
        self.norm: nn.Module = core.final_layer_norm
        self.normed = kind.base in (Base.SD1, Base.SD2)
        self.skips = kind.base is Base.SD1
        self.depth = kind.depth

    @torch.no_grad()
    def __call__(
        self, texts: Sequence[Chunk], vectors: Mapping[str, Tensor], clip_skip: int
    ) -> tuple[Tensor, Tensor | None]:
        """(B, 77, C) states of chunks, and (B, P) projections where the network has one."""
        numbers = torch.tensor([self._filled(chunk) for chunk in texts])
        device = next(self.network.parameters()).device
        with _Replaced(self.embed, texts, vectors):
            said = self.network(numbers.to(device), output_hidden_states=True)
        depth = clip_skip if self.skips else self.depth
        if depth > len(said.hidden_states) - 1:
            raise InputError(
                f"The text encoder has {len(said.hidden_states) - 1} layers; clip skip {depth} is too much."
            )
        if depth == 1:
            states: Tensor = said.last_hidden_state
        else:
            states = said.hidden_states[-depth]
            states = self.norm(states) if self.normed else states
        return states.float(), getattr(said, "text_embeds", None)

    def _filled(self, chunk: Chunk) -> list[int]:
        return [START, *chunk.tokens, END, *[self.pad] * (CHUNK - len(chunk.tokens))]


class _Replaced:
    """While open, embeddings stand where chunks name them."""

    def __init__(self, embed: nn.Module, texts: Sequence[Chunk], vectors: Mapping[str, Tensor]) -> None:
        self.embed, self.texts, self.vectors = embed, texts, vectors

    def __enter__(self) -> None:
        self.hook = self.embed.register_forward_hook(self._replace)

    def __exit__(self, *_: object) -> None:
        self.hook.remove()

    def _replace(self, _network: nn.Module, _inputs: object, embedded: Tensor) -> Tensor:
        for row, chunk in zip(embedded, self.texts, strict=True):
            for place, name in chunk.vectors.items():
                vectors = self.vectors[name]
                row[place + 1 : place + 1 + len(vectors)] = vectors.to(row)
        return embedded


class Text:
    """The text encoders of one model."""

    def __init__(self, kind: Kind, networks: Mapping[Part, nn.Module]) -> None:
        self.kind = kind
        self.encoders = [_Encoder(network, part, kind) for part, network in sorted(networks.items())]
        self.embeddings: dict[str, Mapping[Part, Tensor]] = {}
        """Vectors (n, C) of every encoder by the names that prompts call them."""

    @property
    def lengths(self) -> dict[str, int]:
        """Numbers of vectors of the embeddings."""
        return {name: len(next(iter(parts.values()))) for name, parts in self.embeddings.items()}

    def encode(self, prompts: Sequence[str], clip_skip: int = 1) -> Conditioning:
        """Context (B, 77 n, C) of prompts, of as many chunks as the longest, and what is pooled; without sizes.

        SDXL joins the states of both encoders (Podell et al. 2023). `clip_skip` counts layers from the last, 1 for all,
        and is heeded by SD1 alone, as in AUTOMATIC1111.
        """
        if clip_skip < 1:
            raise InputError(f"Clip skip counts layers from 1, not {clip_skip}.")
        cut = [chunks(prompt, self.lengths) for prompt in prompts]
        most = max(len(parts) for parts in cut)
        filled = [[*parts, *(Chunk() for _ in range(most - len(parts)))] for parts in cut]
        rows: list[Tensor] = []
        pooled: Tensor | None = None
        for place in range(most):
            states, projected = self._states([parts[place] for parts in filled], clip_skip)
            rows.append(states)
            pooled = projected if place == 0 else pooled
        return Conditioning(torch.cat(rows, dim=1).cpu(), None if pooled is None else pooled.float().cpu())

    def _states(self, texts: Sequence[Chunk], clip_skip: int) -> tuple[Tensor, Tensor | None]:
        found: list[Tensor] = []
        pooled: Tensor | None = None
        for encoder in self.encoders:
            vectors = {name: parts[encoder.part] for name, parts in self.embeddings.items() if encoder.part in parts}
            states, projected = encoder(texts, vectors, clip_skip)
            found.append(_emphasised(states, texts))
            pooled = projected if projected is not None else pooled
        return torch.cat(found, dim=2), pooled


def _emphasised(states: Tensor, texts: Sequence[Chunk]) -> Tensor:
    """States (B, 77, C) times the weights of their tokens, scaled so that the mean over all stays."""
    weights = torch.ones(states.shape[:2])
    for row, chunk in zip(weights, texts, strict=True):
        row[1 : len(chunk.weights) + 1] = torch.tensor(chunk.weights)
    if bool((weights == 1).all()):
        return states
    scaled = states * weights[..., None].to(states)
    return scaled * (states.mean() / scaled.mean())
