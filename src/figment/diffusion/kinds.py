"""The kinds of Stable Diffusion model, and what their networks look like."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

__all__ = ["Base", "Kind", "Part", "Prediction"]

Part = Literal["unet", "vae", "text", "text_2"]
"""Networks of a model. SDXL has both text encoders; its refiner has "text_2" alone; the others have "text" alone."""
Prediction = Literal["noise", "v"]
"""What the UNet says: the noise, or v = sqrt(a) noise - sqrt(1 - a) x_0 (Salimans & Ho 2022)."""


class Base(StrEnum):
    """Models whose LoRAs and embeddings fit one another."""

    SD1 = "SD1.x"
    SD2 = "SD2.x"
    SDXL = "SDXL"
    SDXL_REFINER = "SDXL refiner"


@dataclass(frozen=True)
class Kind:
    """One model's make, read from the names and shapes of its tensors."""

    base: Base
    inpainting: bool
    """Whether the UNet takes nine channels."""
    prediction: Prediction
    configs: Mapping[Part, Mapping[str, Any]]
    """Of the networks that are there, as diffusers and transformers write them in config.json."""

    depth: int = 1
    """From which layer of its text encoders, counted from the last, states are taken."""

    @property
    def scale(self) -> float:
        """What latents are multiplied by to be of unit variance."""
        return 0.13025 if self.base in (Base.SDXL, Base.SDXL_REFINER) else 0.18215

    @property
    def side(self) -> int:
        """Pixels of the pictures that the model was trained on."""
        sides = {Base.SD1: 512, Base.SD2: 768 if self.prediction == "v" else 512}
        return sides.get(self.base, 1024)
