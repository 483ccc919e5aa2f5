"""All steps of a swap in turn: those that are not done, and those that were made from what has changed since."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from figment.core.config import Field, config
from figment.core.task import Task
from figment.faceswap.workspace import Step, Workspace

__all__ = ["RunSettings", "run_all"]


@config
class RunSettings:
    """What a run of all steps does otherwise than each step by itself."""

    src_person: Annotated[int, Field(ge=1)] | None = None
    """Number of the person in data_src, where several are seen."""
    dst_person: Annotated[int, Field(ge=1)] | None = None
    """Number of the person in data_dst, where several are seen."""
    sort: str = "histogram"
    """Order of the faces."""
    preset: Literal["figment", "quick96"] = "figment"
    """What is learnt and how; quick96 is DeepFaceLab's."""
    iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Steps of training."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Same seed, same result."""


def run_all(workspace: Workspace, settings: RunSettings) -> Task[Path]:
    """Do the steps of `workspace` up to the result, which is returned; those that are done and fresh are passed over.

    Clearing is left out: it would throw away what is done.
    """
    for step, work in _steps(workspace, settings).items():
        state = workspace.state(step)
        if state.state != "done" or state.stale:
            yield from work()
    return workspace.result


def _steps(workspace: Workspace, settings: RunSettings) -> dict[Step, Callable[[], Task[Any]]]:
    from figment.faceswap.extract import ExtractSettings
    from figment.faceswap.training_recipes import SwapSettings
    from figment.faceswap.video import VideoSettings
    from figment.studio import swap, swap_result, swap_training

    src, dst = (ExtractSettings(person=person) for person in (settings.src_person, settings.dst_person))
    learning = SwapSettings(preset=settings.preset, iterations=settings.iterations, seed=settings.seed)
    return {
        Step.FRAMES_SRC: lambda: swap.framed(workspace, "src"),
        Step.FRAMES_DST: lambda: swap.framed(workspace, "dst"),
        Step.EXTRACT_SRC: lambda: swap.extracted(workspace, "src", src),
        Step.SORT_SRC: lambda: swap.sorted_faces(workspace, "src", settings.sort),
        Step.PACK_SRC: lambda: swap.packed(workspace, "src"),
        Step.EXTRACT_DST: lambda: swap.extracted(workspace, "dst", dst),
        Step.SORT_DST: lambda: swap.sorted_faces(workspace, "dst", settings.sort),
        Step.PACK_DST: lambda: swap.packed(workspace, "dst"),
        Step.TRAIN: lambda: swap_training.learnt(workspace, learning),
        Step.MERGE: lambda: swap_result.merged(workspace, {}),
        Step.VIDEO: lambda: swap_result.result(workspace, VideoSettings()),
    }
