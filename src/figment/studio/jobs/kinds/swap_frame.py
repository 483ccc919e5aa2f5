"""A frame of a swap's clip, merged to be looked at; what is set for frames on the way is kept."""

from typing import Annotated, Any

from figment.core.config import Field, config, to_dict
from figment.core.task import Task
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.kinds.swap import NAME, workspace_of
from figment.studio.jobs.places import Places

__all__ = ["QUICK", "Parameters", "cost", "prepared", "run"]

QUICK = False  # the frame is kept for the merge, so the same device must make it

Number = Annotated[int, Field(ge=0, le=10_000_000)]


@config
class Change:
    """Settings that stand in the place of those of some frames."""

    first: Number
    """Number of the first frame, from 0."""
    last: Number
    """Number of the last."""
    settings: Annotated[dict[str, Any], Field(max_length=40)]
    """Settings of a merge by their names; those that are not named stay as they are."""


@config
class Parameters:
    """What is to be looked at, and what is changed before."""

    swap: Annotated[str, Field(pattern=NAME)]
    """Name of the workspace."""
    frame: Number | None = None
    """Number of the frame, from 0; the one that was looked at last if not given."""
    changes: Annotated[tuple[Change, ...], Field(max_length=1000)] = ()
    """Changes of settings in their order."""
    checkers: bool = False
    """Whether all but the swapped face lies under a checkerboard."""


def cost(parameters: Parameters) -> float:
    """Two seconds."""
    return 2.0


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """Unchanged, of a workspace that there is."""
    workspace_of(places, parameters.swap)
    return parameters


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """Number and settings of the frame; its picture is in the workspace, as "frame"."""
    from figment.faceswap.workspace import Workspace
    from figment.studio.swap_frame import looked_at

    workspace = Workspace(workspace_of(context.places, parameters.swap))
    changes = [(one.first, one.last, one.settings) for one in parameters.changes]
    look = yield from looked_at(workspace, parameters.frame, changes, checkers=parameters.checkers)
    facts = {"frame": look.frame, "count": look.count, "settings": to_dict(look.settings)}
    return Made(facts={"swap": parameters.swap, **facts})
