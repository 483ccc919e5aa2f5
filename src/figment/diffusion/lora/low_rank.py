"""Changes of low rank: LoRA, LoCon and GLoRA.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"; Yeh et al. 2023, "Navigating Text-To-Image
Customization: From LyCORIS Fine-Tuning to Model Evaluation" (LoCon); Chavan et al. 2023, "One-for-All: Generalized
LoRA for Parameter-Efficient Fine-tuning" (GLoRA).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from figment.diffusion.lora.layer import Damaged, Layer, need, scale

__all__ = ["Generalized", "LowRank", "product"]


@dataclass(frozen=True, eq=False)
class LowRank(Layer):
    """up x down, of a linear layer or a convolution; with the core of a Tucker decomposition, up x mid x down."""

    up: Tensor
    """(rows, r, 1, 1) or (rows, r)"""
    down: Tensor
    """(r, channels, *kernel); the kernel is 1 x 1 where there is a `mid`."""
    mid: Tensor | None
    """(r, r, *kernel)"""
    scale: float

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Of tensors "up", "down", perhaps "mid" and "alpha". Raises Damaged."""
        up, down = need(tensors, "up", "down")
        mid = tensors.get("mid")
        _check_ranks(up, down, mid)
        return cls(up, down, mid, scale(tensors, down.shape[0]))

    @property
    def size(self) -> tuple[int, int]:
        places = 1 if self.mid is None else math.prod(self.mid.shape[2:])
        return self.up.shape[0], math.prod(self.down.shape[1:]) * places

    def change(self, weight: Tensor) -> Tensor:
        return product(self.up.float() * self.scale, self.down, self.mid).view(weight.shape)


@dataclass(frozen=True, eq=False)
class Generalized(Layer):
    """GLoRA: W a1 a2 + b1 b2."""

    into: Tensor
    """(columns, r), a1"""
    out_of: Tensor
    """(r, columns), a2"""
    up: Tensor
    """(rows, r), b1"""
    down: Tensor
    """(r, channels, *kernel), b2"""
    mid: Tensor | None
    scale: float

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Of tensors "a1", "a2", "b1", "b2". The first files had 1 and 2 changed about, which their shapes tell."""
        a1, a2, b1, b2 = need(tensors, "a1", "a2", "b1", "b2")
        if a1.shape[0] < a1.shape[1]:
            a1, a2, b1, b2 = a2, a1, b2, b1
        mid = tensors.get("bm")
        _check_ranks(a1, a2, None)
        _check_ranks(b1, b2, mid)
        if a1.shape[0] != a2.shape[1] or a1.shape[0] != b2.shape[1]:
            raise Damaged("has parts of different widths")
        return cls(a1, a2, b1, b2, mid, scale(tensors, b2.shape[0]))

    @property
    def size(self) -> tuple[int, int]:
        places = 1 if self.mid is None else math.prod(self.mid.shape[2:])
        return self.up.shape[0], math.prod(self.down.shape[1:]) * places

    def change(self, weight: Tensor) -> Tensor:
        into, out_of = self.into.float().flatten(1), self.out_of.float().flatten(1)
        turned = torch.einsum("oi...,ir,rj->oj...", weight, into, out_of)
        return (turned + product(self.up, self.down, self.mid).view(weight.shape)) * self.scale


def product(up: Tensor, down: Tensor, mid: Tensor | None) -> Tensor:
    """(rows, columns): up (rows, r) x down (r, columns), or up x mid (r, r, *kernel) x down (r, channels)."""
    up, down = up.float().flatten(1), down.float().flatten(1)
    if mid is None:
        return up @ down
    return torch.einsum("om,mn...,ni->oi...", up, mid.float(), down).flatten(1)


def _check_ranks(up: Tensor, down: Tensor, mid: Tensor | None) -> None:
    inner, outer = math.prod(up.shape[1:]), down.shape[0]
    if mid is None and inner != outer:
        raise Damaged(f"has rank {inner} on one side and {outer} on the other")
    if mid is not None and tuple(mid.shape[:2]) != (inner, outer):
        raise Damaged(f"has ranks {inner} and {outer} around a core of {' x '.join(map(str, mid.shape))}")
    if mid is not None and math.prod(down.shape[2:]) != 1:
        raise Damaged("has a core, and a kernel beside it")
