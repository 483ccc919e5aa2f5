"""How weights are moved: DeepFaceLab's RMSprop, and AdamW that moves some matrices evenly."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW, Optimizer

__all__ = ["EvenAdamW", "SparseRMSprop", "even"]

EPSILON = 1e-6
MOMENTUM = 0.95
"""Of the matrices that are moved evenly."""
USUAL = 0.2
"""Root mean square of the elements of a step of AdamW, in learning rates (Liu et al. 2025, Muon is scalable)."""
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Of s, s^3 and s^5: what an iteration makes of a singular value s (Jordan et al. 2024)."""


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


class EvenAdamW(AdamW):
    """AdamW (Loshchilov & Hutter 2019), with Muon (Jordan et al. 2024) for some matrices.

    What a matrix passes on lies mostly along few directions, such as where a face looks, and AdamW learns those long
    before the others. Muon moves it as far along each direction that the momentum has.
    """

    def __init__(self, matrices: Iterable[Parameter], others: Iterable[Parameter], lr: float) -> None:
        """Move `matrices` (rows, columns) evenly, by steps as long as those of `others` usually are."""
        groups = [{"params": list(others), "evenly": False}, {"params": list(matrices), "evenly": True}]
        super().__init__(groups, lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure is taken
        """Move the weights that have gradients; those of matrices are forgotten."""
        for group in self.param_groups:
            for weight in group["params"] if group["evenly"] else ():
                if weight.grad is not None:
                    self._move(weight, weight.grad, group["lr"], group["weight_decay"])
                    weight.grad = None
        super().step()

    def _move(self, weight: Parameter, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[weight]
        if not state:
            state.update(step=torch.zeros(()), momentum=torch.zeros_like(weight))  # AdamW wants all to count steps
        state["step"] += 1
        state["momentum"].mul_(MOMENTUM).add_(gradient)
        ahead = gradient.add(state["momentum"], alpha=MOMENTUM)
        weight.mul_(1 - rate * decay).sub_(even(ahead), alpha=rate * USUAL * max(weight.shape) ** 0.5)


def even(matrix: Tensor) -> Tensor:
    """`matrix` (rows, columns) with its singular values brought to about 1, from 0.7 to 1.2.

    Those below a hundredth of the largest stay smaller. The iterations (Newton & Schulz) do nothing to the matrix but
    multiply it, so that they are done on the smaller of its squares.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return even(matrix.T).T
    square = matrix @ matrix.T
    norm = square.trace().clamp(min=1e-30)
    square = square / norm
    same = torch.eye(len(square), dtype=matrix.dtype, device=matrix.device)
    factor, (once, thrice, five_times) = same, QUINTIC
    for _ in range(5):
        change = once * same + thrice * square + five_times * square @ square
        factor, square = change @ factor, change @ square @ change
    return factor @ matrix * norm.rsqrt()
