"""How each preset learns: Quick96 as DeepFaceLab trains it, and "figment", whose choices are measured.

What each choice of "figment" is worth at equal computing time stands in docs/experiments.md.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from figment.core.config import Field, config
from figment.faceswap.faces import FaceType
from figment.faceswap.model import Shape

__all__ = ["PRESETS", "Recipe", "SwapSettings"]


@dataclass(frozen=True)
class Recipe:
    """What a preset fixes."""

    shape: Shape
    optimizer: Literal["even adamw", "adamw", "rmsprop"]
    """The first moves the two dense layers evenly along all directions (Muon)."""
    rate: float
    """Peak learning rate."""
    low: bool
    """Whether to compute in bfloat16 where that is faster."""
    schedule: bool
    """Whether the rate rises at first and falls as a cosine; else it stays."""
    average: float
    """Decay of the moving average of weights that is kept; 0 for the weights themselves."""
    finer: bool
    """Structure at two sizes and the mean distance, instead of one size and the mean square."""
    repeat: bool
    """Whether every third batch is the one before, unbent."""
    turned: float
    """How far faces are turned, shifted and scaled by chance, as a share of DeepFaceLab's ranges."""
    taper: float
    """Share of the run, its last, in which faces are bent less and less."""
    follow: float
    """Weight of following, where the settings name none."""


PRESETS = {
    "figment": Recipe(Shape(decoder=32), "even adamw", 5e-4, True, True, 0.999, True, False, 0.2, 0.3, 1.0),
    "quick96": Recipe(Shape(), "rmsprop", 2e-4, False, False, 0.0, False, True, 1.0, 0.0, 0.0),
}


@config
class SwapSettings:
    """How to train a swap."""

    preset: Literal["figment", "quick96"] = "figment"
    """What is learnt and how; quick96 is DeepFaceLab's."""
    iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Steps in all, those of earlier sittings too."""
    batch: Annotated[int, Field(ge=1, le=256)] = 4
    """Faces of each side in a step."""
    face_type: FaceType = FaceType.FULL
    """How much of the head is learnt."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Numbers to compute with; auto takes bfloat16 where the preset allows it and the device is faster for it."""
    eyes: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Weight of the eyes and the mouth on top of the rest of the face; DeepFaceLab's SAEHD takes 300."""
    follow: Annotated[float, Field(ge=0, le=100)] | None = None
    """Weight of opening eyes and mouth as far as the target, in the last tenth of a run; 1 by itself, 0 for quick96."""
    even: bool = False
    """Whether every direction in which faces look is shown as often, rather than as often as it comes."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Same seed, same faces in the same order."""
    save_minutes: Annotated[float, Field(gt=0, le=1440)] = 5
    """How often to save."""
    keep: Annotated[int, Field(ge=1, le=100)] = 2
    """How many of the last states to keep."""
    quality: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Likeness (SSIM) of faces that are kept back, for which the time left is estimated."""
