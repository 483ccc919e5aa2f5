"""A step of a face swap in one of the user's workspaces. Each goes on where it was cut off."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from figment.core.config import Field, config, from_dict
from figment.core.errors import InputError
from figment.core.task import Task
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places

__all__ = ["NAME", "QUICK", "Parameters", "cost", "prepared", "run", "workspace_of"]

QUICK = False
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$"
"""What a workspace may be called."""
SIDED = ("frames", "extract", "sort", "pack")
COSTS = {"frames": 5, "extract": 60, "sort": 20, "pack": 2, "merge": 30, "video": 20, "report": 60}
"""Seconds for a short clip."""


@config
class Parameters:
    """What is to be done, and how."""

    swap: Annotated[str, Field(pattern=NAME)]
    """Name of the workspace."""
    step: Literal["frames", "extract", "sort", "pack", "train", "merge", "video", "report"]
    """Step of the workflow."""
    side: Literal["", "src", "dst"] = ""
    """Which clip; for frames, extract, sort and pack."""
    person: Annotated[int, Field(ge=1)] | None = None
    """Extract: number of the person on the sheet, where several are seen."""
    order: Annotated[str, Field(max_length=60)] = "histogram"
    """Sort: order of the faces."""
    target: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """Sort: faces that an order which chooses keeps."""
    preset: Literal["figment", "quick96"] = "figment"
    """Train: what is learnt and how."""
    iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Train: steps in all."""
    settings: Annotated[dict[str, Any], Field(max_length=40)] = field(default_factory=dict)
    """Merge: settings for all frames; those that were kept where none is given."""


def cost(parameters: Parameters) -> float:
    """Training by its steps, the others as for a short clip."""
    return parameters.iterations / 2 if parameters.step == "train" else COSTS[parameters.step]


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """The same, of a workspace that there is, with a side where one is needed."""
    workspace_of(places, parameters.swap)
    if (parameters.step in SIDED) != bool(parameters.side):
        raise InputError(f"A side, src or dst, is for {', '.join(SIDED)}; the other steps take none.")
    return parameters


def workspace_of(places: Places, name: str) -> Path:
    """The folder of the workspace called `name`. Raises InputError where there is none."""
    folder = places.home / "swaps" / name
    if not folder.is_dir():
        raise InputError(f"There is no swap '{name}'; make one of two clips first.")
    return folder


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """Does the step; what came out is in the workspace's status."""
    from figment.faceswap.workspace import Workspace

    workspace = Workspace(workspace_of(context.places, parameters.swap))
    said = yield from _task(parameters, workspace)
    return Made(facts={"swap": parameters.swap, "step": parameters.step, "said": str(said)})


def _task(parameters: Parameters, workspace: Any) -> Task[Any]:
    """The task of the step."""
    from figment.faceswap.extract import ExtractSettings
    from figment.faceswap.training_recipes import SwapSettings
    from figment.faceswap.video import VideoSettings
    from figment.studio import swap, swap_result, swap_training

    side: Any = parameters.side
    match parameters.step:
        case "frames":
            return swap.framed(workspace, side)
        case "extract":
            return swap.extracted(workspace, side, ExtractSettings(person=parameters.person))
        case "sort":
            return swap.sorted_faces(workspace, side, parameters.order, parameters.target)
        case "pack":
            return swap.packed(workspace, side)
        case "train":
            said = {"preset": parameters.preset, "iterations": parameters.iterations}
            return swap_training.learnt(workspace, from_dict(SwapSettings, said))
        case "merge":
            return swap_result.merged(workspace, parameters.settings)
        case "video":
            return swap_result.result(workspace, VideoSettings())
        case "report":
            return _table(workspace)


def _table(workspace: Any) -> Task[str]:
    """The quality report, a line for each row."""
    from figment.studio.swap_training import reported

    written = yield from reported(workspace)
    return "\n".join(f"{row.name}: {row.value}" for row in written.report.rows())
