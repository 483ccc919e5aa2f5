"""Changes that are stored as they are: differences of whole layers and of norms, and IA3's factors.

Liu et al. 2022, "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning" (IA3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from figment.diffusion.lora.layer import Damaged, Layer, number

__all__ = ["Difference", "Scaling"]


@dataclass(frozen=True, eq=False)
class Difference(Layer):
    """A fine-tuned layer less the original."""

    weight: Tensor | None
    bias: Tensor | None

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Of tensors "diff" and "diff_b", or "w_norm" and "b_norm" for a norm, or one of the two. Raises Damaged."""
        weight, bias = tensors.get("diff", tensors.get("w_norm")), tensors.get("diff_b", tensors.get("b_norm"))
        found = cls(weight, bias)
        if bias is not None and bias.numel() != found.size[0]:
            raise Damaged(f"changes a bias of {bias.numel()} beside {found.size[0]} rows")
        return found

    @property
    def size(self) -> tuple[int | None, int | None]:
        if self.weight is None:
            return (None if self.bias is None else self.bias.numel()), None
        rows = self.weight.shape[0] if self.weight.ndim else 1
        return rows, self.weight.numel() // max(rows, 1)

    def change(self, weight: Tensor) -> Tensor:
        return torch.zeros_like(weight) if self.weight is None else self.weight.float().view(weight.shape)

    def bias_change(self) -> Tensor | None:
        return None if self.bias is None else self.bias.float().flatten()


@dataclass(frozen=True, eq=False)
class Scaling(Layer):
    """IA3: what each row, or each input channel, grows by as a share of itself."""

    shares: Tensor
    """(rows,) or (channels,)"""
    on_input: bool

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Of tensors "weight" and "on_input"."""
        return cls(tensors["weight"].flatten(), bool(number(tensors["on_input"])))

    @property
    def size(self) -> tuple[int | None, int | None]:
        return (None, self.shares.numel()) if self.on_input else (self.shares.numel(), None)

    def fits(self, shape: Sequence[int]) -> bool:
        axis = 1 if self.on_input else 0
        return len(shape) > axis and shape[axis] == self.shares.numel()

    def change(self, weight: Tensor) -> Tensor:
        places = [1] * weight.ndim
        places[1 if self.on_input else 0] = -1
        return weight * self.shares.float().view(places)
