"""A new look at the drop-in folders, for files that came since the worker started."""

from figment.core.config import config
from figment.core.task import Progress, Task
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places

__all__ = ["QUICK", "Parameters", "cost", "prepared", "run"]

QUICK = False  # it needs the networks' code, which the worker of a device has loaded


@config
class Parameters:
    """Nothing is to be decided."""


def cost(parameters: Parameters) -> float:
    """A second."""
    return 1.0


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """Unchanged."""
    return parameters


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """Nothing but the new catalogue."""
    from figment.studio.jobs.catalogue import write_catalogue

    yield Progress(0, 1, "look")
    write_catalogue(context.places.root)
    return Made()
