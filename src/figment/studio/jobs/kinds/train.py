"""Training a family. A training that was cut off goes on from its last checkpoint."""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from figment.core.config import Field, config
from figment.core.errors import InputError
from figment.core.paths import inside
from figment.core.task import Task
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places

__all__ = ["QUICK", "Parameters", "cost", "prepared", "run"]

QUICK = False
STEPS = 2000


@config
class Parameters:
    """A model to be trained."""

    family: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    """Model family."""
    data: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    """Data set, or STAGE=NAME for one of the family's stages."""
    preset: str | None = None
    """Named configuration of the family."""
    size: Annotated[int, Field(ge=4, le=1024)] | None = None
    """Pixels a side; those of the data if not given."""
    steps: Annotated[int, Field(ge=1, le=10_000_000)] = STEPS
    """Optimiser steps of each stage."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 32
    """Examples a step."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Number that fixes the run."""
    run: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,80})?$")] = ""
    """Name of the run's folder in runs/; the family's with a number when not given."""
    save_minutes: Annotated[float, Field(ge=0, le=600)] = 5.0
    """Time between checkpoints."""


def cost(parameters: Parameters) -> float:
    """A tenth of a second a step."""
    return parameters.steps / 10


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """With a name for the run. Data may be read from the studio's folder alone."""
    for named in parameters.data:
        source = named.rpartition("=")[2].removeprefix("binary:")
        kind, _, path = source.partition(":")
        if kind in ("folder", "idx", "npz") and not inside(places.root, path).exists():
            raise InputError(f"There is no data {named[:80]!a} in the studio's folder.")
    name = parameters.run or f"{parameters.family}-{secrets.token_hex(4)}"
    return replace(parameters, run=name)


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """The run's folder and weights."""
    from figment.studio.train import train_run
    from figment.training.plan import plan

    recipe = plan(
        parameters.family,
        data=parameters.data,
        preset=parameters.preset,
        size=parameters.size,
        steps=parameters.steps,
        batch=parameters.batch,
        seed=parameters.seed,
    )
    folder = Path("runs") / parameters.run
    weights = yield from train_run(recipe, folder, save_minutes=parameters.save_minutes)
    return Made(facts={"run": parameters.run, "weights": str(weights)})
