"""Changes that are products of two small ones: element by element (LoHa) and block by block (LoKr).

Hyeon-Woo et al. 2021, "FedPara: Low-Rank Hadamard Product for Communication-Efficient Federated Learning"; Yeh et al.
2023, "Navigating Text-To-Image Customization: From LyCORIS Fine-Tuning to Model Evaluation".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from figment.diffusion.lora.layer import Damaged, Layer, need, scale

__all__ = ["Factors", "Hadamard", "Kronecker"]


@dataclass(frozen=True, eq=False)
class Factors:
    """One of the two: a whole matrix, a product of two thin ones, or a Tucker decomposition of a convolution's."""

    whole: Tensor | None
    """(rows, channels, *kernel)"""
    first: Tensor | None
    """(rows, r); (r, rows) where there is a `core`"""
    second: Tensor | None
    """(r, channels, *kernel) or (r, columns); (r, channels) where there is a `core`"""
    core: Tensor | None
    """(r, r, *kernel)"""

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], name: str, core: str) -> Self:
        """Of the tensors `name`, or `name`_a, `name`_b and perhaps `core`. Raises Damaged."""
        if name in tensors:
            return cls(need(tensors, name)[0], None, None, None)
        first, second = need(tensors, f"{name}_a", f"{name}_b")
        if core not in tensors:
            _check_rank(first.shape[1], second.shape[0])
            return cls(None, first, second, None)
        middle = need(tensors, core)[0]
        _check_rank(first.shape[0], middle.shape[0])
        _check_rank(second.shape[0], middle.shape[1])
        return cls(None, first, second, middle)

    @property
    def rank(self) -> int | None:
        """None of a whole matrix."""
        return None if self.second is None else self.second.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        if self.whole is not None:
            return self.whole.shape[0], math.prod(self.whole.shape[1:])
        assert self.first is not None
        assert self.second is not None
        rows = self.first.shape[0 if self.core is None else 1]
        places = 1 if self.core is None else math.prod(self.core.shape[2:])
        return rows, math.prod(self.second.shape[1:]) * places

    def matrix(self) -> Tensor:
        """(rows, columns), float32"""
        if self.whole is not None:
            return self.whole.float().flatten(1)
        assert self.first is not None
        assert self.second is not None
        first, second = self.first.float(), self.second.float().flatten(1)
        if self.core is None:
            return first @ second
        return torch.einsum("mo,mn...,ni->oi...", first, self.core.float(), second).flatten(1)


@dataclass(frozen=True, eq=False)
class Hadamard(Layer):
    """LoHa: the product of two changes of low rank, element by element."""

    left: Factors
    right: Factors
    scale: float

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Of tensors "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", perhaps "hada_t1" and "hada_t2"."""
        left, right = Factors.of(tensors, "hada_w1", "hada_t1"), Factors.of(tensors, "hada_w2", "hada_t2")
        if left.size != right.size:
            raise Damaged(f"is a product of {left.size[0]} x {left.size[1]} and {right.size[0]} x {right.size[1]}")
        return cls(left, right, scale(tensors, left.rank or 1))

    @property
    def size(self) -> tuple[int, int]:
        return self.left.size

    def change(self, weight: Tensor) -> Tensor:
        return (self.left.matrix() * self.right.matrix() * self.scale).view(weight.shape)


@dataclass(frozen=True, eq=False)
class Kronecker(Layer):
    """LoKr: a small matrix, each number of which is multiplied by a whole other one. A kernel is the second's."""

    left: Factors
    right: Factors
    scale: float

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Of tensors "lokr_w1" or "lokr_w1_a" and "_b", "lokr_w2" or "lokr_w2_a" and "_b", perhaps "lokr_t2".

        Two whole matrices have no rank, and alpha says nothing of them.
        """
        left, right = Factors.of(tensors, "lokr_w1", "lokr_t1"), Factors.of(tensors, "lokr_w2", "lokr_t2")
        rank = left.rank or right.rank
        return cls(left, right, scale(tensors, rank) if rank else 1.0)

    @property
    def size(self) -> tuple[int, int]:
        (rows, columns), (inner_rows, inner_columns) = self.left.size, self.right.size
        return rows * inner_rows, columns * inner_columns

    def change(self, weight: Tensor) -> Tensor:
        return torch.kron(self.left.matrix() * self.scale, self.right.matrix()).view(weight.shape)


def _check_rank(one: int, other: int) -> None:
    if one != other:
        raise Damaged(f"has rank {one} on one side and {other} on the other")
