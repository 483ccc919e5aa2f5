"""A glimpse of latents without decoding them: colours are nearly a linear function of the four channels.

The function is fitted for the model at hand, by least squares between what its autoencoder makes of a card of colours
and that card, so that no coefficients need be known beforehand.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.diffusion.networks import Autoencoder
from figment.pixels.arrays import from_signed

__all__ = ["Preview"]

SIDE = 128
"""Pixels of the card."""
RIDGE = 1e-3
"""Keeps the fit finite for autoencoders whose channels say the same."""


class Preview:
    """From latents to small pictures."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        card = _card()
        latents = autoencoder.encode(card)[0].flatten(1).T
        colours = torch.nn.functional.avg_pool2d(card, 8)[0].flatten(1).T
        known = torch.cat([latents, torch.ones(len(latents), 1)], dim=1).double()
        square = known.T @ known + RIDGE * torch.eye(known.shape[1], dtype=torch.float64)
        self.weights = torch.linalg.solve(square, known.T @ colours.double()).float()

    def __call__(self, latents: Tensor) -> NDArray[np.uint8]:
        """uint8 (h, w, 3) of latents (4, h, w)."""
        places = torch.cat([latents.flatten(1).T, torch.ones(latents[0].numel(), 1)], dim=1)
        colours = (places @ self.weights).T.reshape(3, *latents.shape[1:])
        return from_signed(colours.clamp(-1, 1).nan_to_num().numpy())


def _card() -> Tensor:
    """(1, 3, SIDE, SIDE) in [-1, 1]: patches of 16 pixels in all colours, the same ones every time."""
    rng = torch.Generator().manual_seed(0)
    patches = torch.rand(1, 3, SIDE // 16, SIDE // 16, generator=rng) * 2 - 1
    return torch.nn.functional.interpolate(patches, scale_factor=16, mode="nearest")
