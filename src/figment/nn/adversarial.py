"""Losses between a generator and a critic, and the penalties that keep their game from running away."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

__all__ = ["balance", "critic_loss", "generator_loss", "gradient_penalty", "hinge"]


def critic_loss(real: Tensor, made: Tensor, *, paired: bool) -> Tensor:
    """How badly scores (B,) of real and made pictures are told apart.

    `paired` compares each real picture with a made one (relativistic pairing, Jolicoeur-Martineau 2019; Huang et al.
    2024, eq. 2), else each is judged alone (Goodfellow et al. 2014, eq. 1).
    """
    return softplus(made - real).mean() if paired else (softplus(-real) + softplus(made)).mean()


def generator_loss(real: Tensor, made: Tensor, *, paired: bool) -> Tensor:
    """The generator's side: non-saturating when not `paired` (Goodfellow et al. 2014, section 3)."""
    return softplus(real - made).mean() if paired else softplus(-made).mean()


def hinge(real: Tensor, made: Tensor) -> Tensor:
    """How badly scores of any shape, of real and of made pictures, keep to either side of 1 and -1 (Lim & Ye 2017)."""
    return relu(1 - real).mean() + relu(1 + made).mean()


def balance(faithful: Tensor, fooled: Tensor, last: Tensor) -> Tensor:
    """Ratio of the gradients of two losses at the weight `last` (Esser et al. 2021, eq. 7), itself a constant."""
    (ours,), (theirs,) = (torch.autograd.grad(loss, last, retain_graph=True) for loss in (faithful, fooled))
    ratio: Tensor = ours.norm() / (theirs.norm() + 1e-4)
    return ratio.clamp(max=1e4).detach()


def gradient_penalty(critic: Callable[[Tensor], Tensor], pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (B,) of `pictures`, and the mean squared norm of their gradient there.

    On real pictures it is R1 (Mescheder et al. 2018), on made ones R2. Both vanish where the distributions agree, and
    make the game converge near that point.
    """
    points = pictures.detach().requires_grad_()
    scores = critic(points)
    (slope,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    return scores, slope.square().flatten(1).sum(dim=1).mean()
