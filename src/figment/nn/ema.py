"""An exponential moving average of weights, which samples better than the weights themselves (Song & Ermon 2020)."""

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["Average"]


class Average:
    """Average of named tensors; a young average follows faster than an old one."""

    def __init__(self, tensors: Mapping[str, Tensor], decay: float) -> None:
        self.decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    @torch.no_grad()
    def update(self, now: Mapping[str, Tensor], step: int, steps: int = 1) -> None:
        """Move towards the tensors after step `step` (from 1), as much as each of the last `steps` would have moved it.

        A step's decay is min(decay, (1 + step) / (10 + step)).
        """
        rate = 1 - min(self.decay, (1 + step) / (10 + step)) ** steps
        torch._foreach_lerp_(list(self.tensors.values()), [now[name] for name in self.tensors], rate)
