"""What a Stable Diffusion model is made of, whichever backend computes it.

Tensors go in and come out as float32 on the CPU or the device of the backend; what a network computes in is its own
affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Autoencoder", "Conditioning", "UNet", "Weights"]

Weights = Mapping[str, Tensor]
"""Tensors of one network by the names of diffusers or transformers, read when asked for, in the dtype of the file.

A mapping of one's own may stand between a file and a network, which is how LoRAs are merged: the file is never changed.
"""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the UNet is told of B pictures."""

    context: Tensor
    """(B, T, C) hidden states of the text encoder, T a multiple of 77."""
    pooled: Tensor | None = None
    """(B, 1280) projection of the whole prompt; SDXL alone."""
    sizes: Tensor | None = None
    """(B, 6) original height and width, top and left of the crop, target height and width, in pixels; SDXL alone. Its
    refiner has (B, 5): the same first four and an aesthetic score."""

    @staticmethod
    def joined(parts: "list[Conditioning]") -> "Conditioning":
        """All pictures of `parts` in a row; they must be of one length."""

        def of(tensors: list[Tensor | None]) -> Tensor | None:
            known = [tensor for tensor in tensors if tensor is not None]
            return torch.cat(known) if known else None

        context = torch.cat([part.context for part in parts])
        return Conditioning(context, of([part.pooled for part in parts]), of([part.sizes for part in parts]))


class UNet(Protocol):
    """The network that sees noise."""

    def __call__(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        """The noise, or v, (B, 4, h, w) in latents `x` (B, 4 or 9, h, w) of unit variance at `times` (B,).

        Times are float32 from 0 to 999, between whole numbers too. An inpainting network takes nine channels: latents,
        mask, latents of the masked picture.
        """


class Autoencoder(Protocol):
    """Between pictures and latents; one latent stands for 8x8 pixels."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Means of the latents (B, 4, H / 8, W / 8), times `Kind.scale`, of pictures (B, 3, H, W) in [-1, 1]."""

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, 3, H, W), in [-1, 1] but for outliers, of latents as `encode` gives them."""
