"""DoRA: a change of direction and a length of its own for each row, or each input channel.

Liu et al. 2024, "DoRA: Weight-Decomposed Low-Rank Adaptation", eq. 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from figment.diffusion.lora.layer import Layer

__all__ = ["Decomposed"]


@dataclass(frozen=True, eq=False)
class Decomposed(Layer):
    """The weight with another change in it, brought to the lengths of the file."""

    direction: Layer
    lengths: Tensor
    """(rows, 1, ...) or (rows,): of rows, as PEFT and newer LyCORIS train them; (1, channels, ...): of input channels,
    as LyCORIS did before."""

    @property
    def size(self) -> tuple[int | None, int | None]:
        return self.direction.size

    def change(self, weight: Tensor) -> Tensor:
        turned = weight + self.direction.change(weight)
        axis = 0 if self._by_row(weight.shape) else 1
        others = [dimension for dimension in range(weight.ndim) if dimension != axis]
        now = torch.linalg.vector_norm(turned, dim=others, keepdim=True) + torch.finfo(torch.float32).eps
        change: Tensor = turned * (self.lengths.float().view(now.shape) / now) - weight
        return change

    def bias_change(self) -> Tensor | None:
        return self.direction.bias_change()

    def fits(self, shape: Sequence[int]) -> bool:
        if len(shape) < 2 or not self.direction.fits(shape):
            return False
        return self.lengths.numel() == shape[0 if self._by_row(shape) else 1]

    def _by_row(self, shape: Sequence[int]) -> bool:
        return self.lengths.ndim == 1 or self.lengths.shape[0] == shape[0]
