"""Pictures from a sentence, by any model."""

import secrets
from dataclasses import field, replace
from pathlib import Path
from typing import Literal

from figment.core.config import config
from figment.core.errors import InputError
from figment.core.task import Task
from figment.diffusion.options import Options
from figment.studio.drop_in import What
from figment.studio.drop_in import find as dropped_in
from figment.studio.jobs.kinds import Context, Made
from figment.studio.jobs.places import Places
from figment.studio.library import Entry, entries
from figment.studio.request import CreateRequest

__all__ = ["QUICK", "Parameters", "company", "cost", "prepared", "run"]

QUICK = False
SIDE, STEPS = 512, 20
"""What is expected where the model decides."""


@config
class Parameters:
    """Pictures to be made."""

    request: CreateRequest
    """What is to be seen, and how large."""
    options: Options = field(default_factory=Options)
    """What else Stable Diffusion can be asked for."""
    preview: bool = False
    """Whether a model of Figment's own shows its pictures as they come about, which takes half as long again."""
    format: Literal["png", "jpeg", "webp"] = "png"
    """Of the files that are written."""
    reproducible: bool = False
    """Whether no other job may share the calls of the network, which can change the last bits of a picture."""


def cost(parameters: Parameters) -> float:
    """About a second for each step of 512 by 512 pixels."""
    request = parameters.request
    height, width = request.sides or (SIDE, SIDE)
    twice = parameters.options.hires**2 if parameters.options.hires > 1 else 0
    return request.count * (request.steps or STEPS) * height * width / SIDE**2 * (1 + twice)


def prepared(parameters: Parameters, places: Places) -> Parameters:
    """With the seed drawn, so that a second run makes the same. Files are the user's own, models of the folders."""
    request, options = parameters.request, parameters.options
    if request.out is not None:
        raise InputError("A job writes to the gallery; leave out where to.")
    if request.model is not None and not any(entry.name == request.model for entry in entries(places.root)):
        dropped_in(What.CHECKPOINT, request.model, places.root)
    if options.vae is not None:
        dropped_in(What.VAE, options.vae, places.root)
    for given in (request.init, request.mask):
        if given is not None:
            places.file(given)
    seed = secrets.randbelow(2**32 - request.count) if request.seed is None else request.seed
    return replace(parameters, request=replace(request, seed=seed))


def company(parameters: Parameters, places: Places) -> str | None:
    """The model with what is laid over it, where several can use it at once."""
    from figment.studio.create import model_of, shares

    if parameters.reproducible:
        return None
    entry = model_of(parameters.request.model, places.root)
    if isinstance(entry, Entry):
        return entry.name if shares(entry) else None
    from figment.studio import paint  # networks of Stable Diffusion, which others do not need

    return paint.company(_owned(parameters.request, places), parameters.options, entry, places.root)


def _owned(request: CreateRequest, places: Places) -> CreateRequest:
    """With paths of the user's own files."""

    def own(given: Path | None) -> Path | None:
        return None if given is None else places.file(given)

    return replace(request, init=own(request.init), mask=own(request.mask))


def run(parameters: Parameters, context: Context) -> Task[Made]:
    """The pictures, in the staged gallery."""
    from figment.studio.create import create
    from figment.studio.gallery import Gallery

    request = _owned(parameters.request, context.places)
    gallery, root = Gallery(context.staged), context.places.root
    files = yield from create(
        request,
        parameters.options,
        gallery,
        root,
        preview=parameters.preview,
        format=parameters.format,
        together=True,
    )
    return Made(tuple(files))
