"""A recipe: one small TOML file that says how a published set of weights was made."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from figment.core.config import Field, config, from_dict
from figment.core.errors import InputError

__all__ = ["Recipe", "Stage", "read_recipe"]


@config
class Stage:
    """One training stage."""

    name: str
    """Stage of the family, such as "flow"."""
    data: str
    """Data set, such as "scenes" or "folder:photos"."""
    steps: Annotated[int, Field(ge=1, le=100_000_000)]
    """Optimiser steps."""
    batch: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Examples a step, over all devices together."""
    warmup: Annotated[int, Field(ge=0)] = 200
    """Steps in which the learning rate rises from zero to its peak."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Learning rate at the last step, as a share of the peak; a cosine leads there."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the moving average of weights."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Most norm of the gradient of one optimiser step."""
    image_size: Annotated[int, Field(ge=8, le=4096)] | None = None
    """Side of the pictures that the data set is asked for; None for the model's own size."""


@config
class Recipe:
    """A family, its configuration, and its stages in order."""

    name: str
    """Name of the weights that it makes."""
    family: str
    """Module name in `figment.families`."""
    stages: tuple[Stage, ...]
    """Stages in order."""
    model: dict[str, Any] = Field(default_factory=dict)
    """Fields of the family's Config."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Fixes the weights at the start, the order of the data and all noise."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the networks; auto takes bfloat16 where the device multiplies it faster."""
    start: str = ""
    """Weights file to begin with, in place of random weights: fine-tuning, or more training of published weights."""

    def label(self, number: int) -> str:
        """Name of stage `number` in logs: "flow", then "flow-2" when a recipe has a second stage of that name."""
        name = self.stages[number].name
        before = sum(stage.name == name for stage in self.stages[:number])
        return f"{name}-{before + 1}" if before else name


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file. Raises InputError."""
    try:
        return from_dict(Recipe, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}.") from error
