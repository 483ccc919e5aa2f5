"""LoRAs of four channels on inpainting networks, whose first convolution takes nine: latents come first."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from figment.diffusion.lora.layer import Layer

__all__ = ["OfLatents"]

LATENTS = 4


@dataclass(frozen=True, eq=False)
class OfLatents(Layer):
    """A change of the first four channels alone, as AUTOMATIC1111 has it; a change of all nine is left as it is."""

    layer: Layer

    @property
    def size(self) -> tuple[int | None, int | None]:
        return self.layer.size

    def fits(self, shape: Sequence[int]) -> bool:
        return self.layer.fits(shape) or self.layer.fits((shape[0], LATENTS, *shape[2:]))

    def change(self, weight: Tensor) -> Tensor:
        if self.layer.fits(weight.shape):
            return self.layer.change(weight)
        change = torch.zeros_like(weight)
        change[:, :LATENTS] = self.layer.change(weight[:, :LATENTS].contiguous())
        return change

    def bias_change(self) -> Tensor | None:
        return self.layer.bias_change()
