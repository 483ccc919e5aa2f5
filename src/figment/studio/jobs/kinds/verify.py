"""What can be known of where a file comes from."""

import json

from figment.core.config import config
from figment.core.task import Progress, Task
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places

__all__ = ["QUICK", "Parameters", "cost", "prepared", "run"]

QUICK = True


@config
class Parameters:
    """A file to be looked at."""

    file: str
    """The user's own file, "uploads/..." or "outputs/..."."""


def cost(parameters: Parameters) -> float:
    """A second."""
    return 1.0


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """Unchanged, when the file is there."""
    places.file(parameters.file)
    return parameters


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """The report."""
    from figment.trust import report
    from figment.trust.verify import inspect

    yield Progress(0, 1, "look")
    found = inspect(context.places.file(parameters.file))
    return Made(facts={"report": json.loads(report.as_json(found)), "text": report.as_text(found)})
