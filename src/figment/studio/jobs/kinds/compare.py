"""Models measured side by side; one alone as well."""

import json
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
    """Models to be measured."""

    models: Annotated[tuple[Annotated[str, Field(pattern=r"^[^/\\]{1,200}$")], ...], Field(min_length=1, max_length=16)]
    """Names of models or runs."""
    data: Annotated[str, Field(pattern=r"^[\w-]{1,80}$")] | None = None
    """Data set; that of the first run if not given."""
    count: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Pictures of each model."""
    likelihoods: Annotated[int, Field(ge=2, le=100_000)] = 64
    """Held-out pictures whose likelihood is bounded."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Number that fixes samples and intervals."""


def cost(parameters: Parameters) -> float:
    """A tenth of a second a picture."""
    return len(parameters.models) * parameters.count / 10


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """Unchanged, when all models are there."""
    for name in parameters.models:
        find(name, places.root)
    return parameters


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """The table, and a sheet of pictures in the staged gallery."""
    from figment.studio import evaluate
    from figment.studio.comparison_page import save_sheet

    found = yield from evaluate.compare(
        parameters.models,
        data=parameters.data,
        count=parameters.count,
        likelihoods=parameters.likelihoods,
        seed=parameters.seed,
    )
    sheet = context.staged / "comparison.png"
    save_sheet(found, sheet)
    return Made((sheet,), {"table": evaluate.table(found), "comparison": json.loads(evaluate.as_json(found))})
