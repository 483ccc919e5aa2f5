"""DeepFaceLab's optimiser: RMSprop that lets each weight move in some steps only."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

__all__ = ["SparseRMSprop"]

EPSILON = 1e-6


class SparseRMSprop(Optimizer):
    """RMSprop (Hinton 2012) in which each element of each weight moves with the chance `kept`, drawn every step."""

    def __init__(self, parameters: Iterable[Parameter], lr: float = 2e-4, decay: float = 0.9, kept: float = 0.3):
        """`decay` of the mean square of gradients."""
        super().__init__(parameters, {"lr": lr, "decay": decay, "kept": kept})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure is taken
        """Move the weights that have gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["square"] = torch.zeros_like(weight)
                state["square"].mul_(group["decay"]).addcmul_(weight.grad, weight.grad, value=1 - group["decay"])
                move = weight.grad / (state["square"].sqrt() + EPSILON)
                weight.sub_(group["lr"] * move * (torch.rand_like(weight) < group["kept"]))
