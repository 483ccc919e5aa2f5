"""A grid of samples of one model."""

from typing import Annotated

from figment.core.config import Field, config
from figment.core.task import Task
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places
from figment.studio.library import find

__all__ = ["QUICK", "Parameters", "cost", "prepared", "run"]

QUICK = False


@config
class Parameters:
    """A grid to be made."""

    model: Annotated[str, Field(pattern=r"^[^/\\]{1,200}$")]
    """Name of the model or run."""
    count: Annotated[int, Field(ge=1, le=1024)] = 16
    """Pictures."""
    prompts: Annotated[tuple[str, ...], Field(max_length=64)] = ("",)
    """Captions, used in turn."""
    labels: Annotated[tuple[int, ...], Field(max_length=64)] = ()
    """Classes, used in turn."""
    sampler: str = ""
    """Way from noise to a picture; the model's own when not given."""
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    """Sampling steps."""
    guidance: Annotated[float, Field(ge=0, le=30)] = 3.0
    """How closely to follow the captions."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Number that fixes the pictures."""


def cost(parameters: Parameters) -> float:
    """A hundredth of a second for each step of a small picture."""
    return parameters.count * parameters.steps / 100


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """Unchanged, when the model is there."""
    find(parameters.model, places.root)
    return parameters


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """The grid, in the staged gallery."""
    from figment.core.model import SampleRequest
    from figment.studio.contact import sample_grid

    asked = SampleRequest(
        parameters.count,
        prompts=parameters.prompts or ("",),
        labels=parameters.labels,
        sampler=parameters.sampler,
        steps=parameters.steps,
        guidance=parameters.guidance,
    )
    name = f"grid-{parameters.seed}.png"
    path = yield from sample_grid(parameters.model, asked, seed=parameters.seed, out=context.staged / name)
    return Made((path,))
