"""A picture made larger."""

from pathlib import Path
from typing import Annotated, Literal

from figment.core.config import Field, config
from figment.core.task import Task
from figment.studio.drop_in import What
from figment.studio.drop_in import find as dropped_in
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places

__all__ = ["QUICK", "RESAMPLED", "Parameters", "cost", "prepared", "run"]

QUICK = False
RESAMPLED = ("Lanczos", "Nearest")
"""Ways that need no file."""


@config
class Parameters:
    """A picture, and how large it is to be."""

    file: Path
    """The user's own file, "uploads/..." or "outputs/..."."""
    by: Annotated[float, Field(ge=1, le=8)] = 2.0
    """Times as large as which it is to be."""
    fill: Annotated[str, Field(pattern=r"^(\d{1,4}x\d{1,4})?$")] = ""
    """WIDTHxHEIGHT to be filled instead."""
    cut: bool = True
    """Whether what sticks out of `fill` is cut off."""
    upscaler: Annotated[str, Field(max_length=300)] = "Lanczos"
    """Lanczos, Nearest, or the name of an upscaler's file."""
    second: Annotated[str, Field(max_length=300)] = "Lanczos"
    """Another, whose picture is mixed in."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much of it."""
    format: Literal["png", "jpeg", "webp"] = "png"
    """Of the file that is written."""


def cost(parameters: Parameters) -> float:
    """A second for resampling, half a minute for a network."""
    return 1.0 if parameters.upscaler in RESAMPLED else 30.0


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """Unchanged, when picture and upscalers are there."""
    places.file(parameters.file)
    for name in (parameters.upscaler, *((parameters.second,) if parameters.share else ())):
        if name not in RESAMPLED:
            dropped_in(What.UPSCALER, name, places.root)
    return parameters


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """The picture, in the staged gallery."""
    from figment.studio.enlarge import Size, enlarge
    from figment.studio.gallery import Gallery

    width, _, height = parameters.fill.partition("x")
    size = Size(parameters.by, (int(height), int(width)) if parameters.fill else None, parameters.cut)
    path = yield from enlarge(
        context.places.file(parameters.file),
        size,
        parameters.upscaler,
        parameters.second,
        parameters.share,
        Gallery(context.staged),
        context.places.root,
        format=parameters.format,
    )
    return Made((path,))
