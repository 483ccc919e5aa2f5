"""What one layer of a LoRA file does to the weights of one module."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor

__all__ = ["Damaged", "Layer", "need", "number", "scale"]


class Damaged(Exception):
    """What is wrong with a layer's tensors, said as the end of a sentence that begins with its name."""


class Layer(ABC):
    """A change of one module's weight (rows, columns) or (rows, channels, *kernel), and perhaps of its bias (rows,)."""

    @property
    @abstractmethod
    def size(self) -> tuple[int | None, int | None]:
        """Rows and columns of the weight, places of a kernel counted as columns; None where the tensors do not tell."""

    @abstractmethod
    def change(self, weight: Tensor) -> Tensor:
        """What to add to float32 `weight`, in its shape, at full strength."""

    def bias_change(self) -> Tensor | None:
        """What to add to the bias at full strength."""
        return None

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a weight of this `shape` can be changed."""
        rows, columns = self.size
        return rows in (None, shape[0]) and columns in (None, math.prod(shape[1:]))


def need(tensors: Mapping[str, Tensor], *names: str) -> list[Tensor]:
    """The tensors of these names, each of two or more dimensions. Raises Damaged."""
    for name in names:
        if name not in tensors:
            raise Damaged(f"has no {name!r}")
        if tensors[name].ndim < 2:
            raise Damaged(f"has a {name!r} of {tensors[name].ndim} dimensions")
    return [tensors[name] for name in names]


def scale(tensors: Mapping[str, Tensor], rank: int) -> float:
    """alpha / rank; 1 where the file gives no alpha."""
    return number(tensors["alpha"]) / rank if "alpha" in tensors else 1.0


def number(tensor: Tensor) -> float:
    """The one number in `tensor`. Raises Damaged."""
    if tensor.numel() != 1:
        raise Damaged(f"has {tensor.numel()} numbers where one belongs")
    return float(tensor)
