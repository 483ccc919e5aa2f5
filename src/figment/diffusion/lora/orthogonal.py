"""Changes that turn the rows of a weight: OFT and BOFT.

Qiu et al. 2023, "Controlling Text-to-Image Diffusion by Orthogonal Finetuning"; Liu et al. 2024, "Parameter-Efficient
Orthogonal Finetuning via Butterfly Factorization". What is less than full strength is a mixture of the turned weight
and the weight itself, as AUTOMATIC1111 has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from figment.diffusion.lora.layer import Damaged, Layer, need, number

__all__ = ["Butterfly", "Rotation", "orthogonal"]


@dataclass(frozen=True, eq=False)
class Rotation(Layer):
    """OFT: the rows in groups, each group turned."""

    blocks: Tensor
    """(groups, n, n)"""
    limit: float | None
    """Of the norm of all blocks, made skew-symmetric; 0 for none. None where the blocks are rotations already."""
    rescale: Tensor | None
    """(rows, 1, ...): what the turned rows are multiplied by."""

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "Rotation | Butterfly":
        """Of tensors "oft_blocks", or "oft_diag" with rotations in it; "alpha" is the limit divided by the rows."""
        turned = "oft_diag" in tensors
        blocks = need(tensors, "oft_diag" if turned else "oft_blocks")[0]
        if blocks.ndim not in (3, 4) or blocks.shape[-1] != blocks.shape[-2]:
            raise Damaged(f"has blocks of {' x '.join(map(str, blocks.shape))}, which are no rotations")
        rows = blocks.shape[-3] * blocks.shape[-1]
        rescale = tensors.get("rescale")
        if rescale is not None and rescale.numel() != rows:
            raise Damaged(f"rescales {rescale.numel()} rows and turns {rows}")
        limit = number(tensors["alpha"]) * rows if "alpha" in tensors else 0.0
        if blocks.ndim == 4:
            return Butterfly.of(blocks, limit, rescale)
        return cls(blocks, None if turned else limit, rescale)

    @property
    def size(self) -> tuple[int, None]:
        return self.blocks.shape[0] * self.blocks.shape[1], None

    def change(self, weight: Tensor) -> Tensor:
        blocks = self.blocks.float()
        rotations = blocks if self.limit is None else orthogonal(blocks, self.limit)
        groups = weight.reshape(blocks.shape[0], blocks.shape[1], -1)
        turned = (rotations.mT @ groups).reshape(weight.shape)
        return _rescaled(turned, self.rescale) - weight


@dataclass(frozen=True, eq=False)
class Butterfly(Layer):
    """BOFT: rows turned in groups m times, the groups of each time being of rows twice as far apart as before."""

    blocks: Tensor
    """(m, groups, n, n), n even"""
    limit: float
    rescale: Tensor | None

    @classmethod
    def of(cls, blocks: Tensor, limit: float, rescale: Tensor | None) -> Self:
        """Raises Damaged where the rows cannot be paired as often as there are blocks."""
        times, groups, size, _ = blocks.shape
        if size % 2 or (groups * size) % (2**times * (size // 2)):
            raise Damaged(f"turns {groups * size} rows {times} times in groups of {size}, which they do not fill")
        return cls(blocks, limit, rescale)

    @property
    def size(self) -> tuple[int, None]:
        return self.blocks.shape[1] * self.blocks.shape[2], None

    def change(self, weight: Tensor) -> Tensor:
        turned = weight.flatten(1) if weight.ndim > 1 else weight[:, None]
        for time, rotations in enumerate(orthogonal(self.blocks.float(), self.limit)):
            groups, size, _ = rotations.shape
            apart = 2**time * (size // 2)
            paired = turned.reshape(-1, 2, apart, turned.shape[1]).transpose(1, 2)
            mixed = (rotations @ paired.reshape(groups, size, -1)).reshape(paired.shape)
            turned = mixed.transpose(1, 2).reshape(turned.shape)
        return _rescaled(turned.reshape(weight.shape), self.rescale) - weight


def orthogonal(blocks: Tensor, limit: float) -> Tensor:
    """Rotations (I + Q)(I - Q)^-1 of the skew-symmetric Q = B - B^T (Cayley), of `blocks` B (..., n, n).

    Where the norm of all Q is above a `limit` that is not 0, they are made smaller to reach it.
    """
    skew = blocks - blocks.mT
    norm = float(skew.norm())
    if 0 < limit < norm:
        skew = skew * (limit / norm)
    one = torch.eye(blocks.shape[-1])
    turned: Tensor = torch.linalg.solve(one - skew, one + skew, left=False)
    return turned


def _rescaled(weight: Tensor, rescale: Tensor | None) -> Tensor:
    return weight if rescale is None else weight * rescale.float().reshape(-1, *[1] * (weight.ndim - 1))
