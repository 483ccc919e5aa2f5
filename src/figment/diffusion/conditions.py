"""What the network is told at each call: prompts that change by step, prompts joined, the sizes that SDXL wants."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from figment.diffusion.kinds import Base, Kind
from figment.diffusion.networks import Conditioning
from figment.diffusion.prompt import joined, scheduled
from figment.diffusion.text import Text

__all__ = ["Conditions", "conditions", "guided"]

SCORES = (6.0, 2.5)
"""Aesthetic scores that SDXL's refiner is told of the prompt and of the negative prompt."""


@dataclass(frozen=True)
class _Timeline:
    """One prompt over the calls: the context that holds up to each of `ends`."""

    ends: tuple[int, ...]
    told: Conditioning

    def at(self, call: int) -> Conditioning:
        row = next((row for row, end in enumerate(self.ends) if call <= end), len(self.ends) - 1)
        return _row(self.told, row)


@dataclass(frozen=True)
class Conditions:
    """A picture's prompts."""

    prompts: tuple[tuple[_Timeline, float], ...]
    negative: _Timeline

    def at(self, call: int) -> tuple[list[tuple[Conditioning, float]], Conditioning]:
        """What holds at call `call`, from 0: prompts with their weights, all of one length, and the negative one."""
        told = [(timeline.at(call), weight) for timeline, weight in self.prompts]
        longest = max(one.context.shape[1] for one, _ in told)
        return [(_lengthened(one, longest), weight) for one, weight in told], self.negative.at(call)


def conditions(
    text: Text,
    prompt: str,
    negative: str,
    calls: int,
    size: tuple[int, int],
    *,
    clip_skip: int = 1,
    first_pass: int | None = None,
) -> Conditions:
    """Both prompts of a picture of `size` (height, width) that takes `calls` network calls.

    In a second pass, after a first one of `first_pass` calls, numbers in prompts go on counting.
    """

    def timeline(prompt: str, *, refused: bool) -> _Timeline:
        ends, texts = zip(*scheduled(prompt, calls, first_pass=first_pass), strict=True)
        told = text.encode(texts, clip_skip)
        if refused and text.kind.base is Base.SDXL and not any(texts):
            told = _silent(told)
        return _Timeline(ends, replace(told, sizes=_sizes(text.kind, len(texts), size, refused=refused)))

    wanted = tuple((timeline(part, refused=False), weight) for part, weight in joined(prompt))
    return Conditions(wanted, timeline(negative, refused=True))


def guided(said: Sequence[Tensor], weights: Sequence[float], refused: Tensor, scale: float) -> Tensor:
    """Guidance away from `refused` towards every prompt: r + scale * sum_i w_i (s_i - r) (Liu et al. 2022, eq. 11)."""
    out = refused
    for one, weight in zip(said, weights, strict=True):
        out = out + scale * weight * (one - refused)
    return out


def _row(told: Conditioning, row: int) -> Conditioning:
    def of(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[row : row + 1]

    return Conditioning(told.context[row : row + 1], of(told.pooled), of(told.sizes))


def _lengthened(told: Conditioning, length: int) -> Conditioning:
    """Context of `length` tokens, the last one repeated."""
    missing = length - told.context.shape[1]
    context = torch.cat([told.context, told.context[:, -1:].expand(-1, missing, -1)], dim=1)
    return replace(told, context=context)


def _silent(told: Conditioning) -> Conditioning:
    """SDXL was trained with zeros for no prompt at all."""
    pooled = None if told.pooled is None else torch.zeros_like(told.pooled)
    return replace(told, context=torch.zeros_like(told.context), pooled=pooled)


def _sizes(kind: Kind, count: int, size: tuple[int, int], *, refused: bool) -> Tensor | None:
    if kind.base is Base.SDXL:
        return torch.tensor([[*size, 0.0, 0.0, *size]]).expand(count, -1)
    if kind.base is Base.SDXL_REFINER:
        return torch.tensor([[*size, 0.0, 0.0, SCORES[refused]]]).expand(count, -1)
    return None
