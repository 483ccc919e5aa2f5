"""A grid of samples of one model, from nothing or from a picture that is to be gone on from."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.core.model import SampleRequest
from figment.core.task import Progress, Task
from figment.pixels.arrays import from_signed
from figment.pixels.grids import grid
from figment.studio.create import ready
from figment.studio.gallery import Gallery, format_of
from figment.studio.library import find
from figment.studio.parameters import Settings
from figment.studio.start import HALVES, half, started
from figment.trust.labels import Ingredient, Operation, Provenance

__all__ = ["sample_grid"]

T = TypeVar("T")
AT_ONCE = 16  # pictures that share a network call


def sample_grid(
    name: str,
    request: SampleRequest,
    *,
    seed: int = 0,
    out: Path | None = None,
    init: Path | None = None,
    mask: str | None = None,
) -> Task[Path]:
    """Sample the pictures of `request`, its captions and classes in turn, and write them as one square grid.

    `init` is a picture to start from, `mask` one of its size that is white where it is to be drawn anew, or the name of
    a half. Raises InputError for a mask without a picture, and for what the model cannot be asked for.
    """
    if out is not None:
        format_of(out)
    entry = find(name)
    model = ready(entry)
    request = _started(request, model.image_shape, init, mask)
    images: list[NDArray[np.uint8]] = []
    rng = torch.Generator().manual_seed(seed)
    while len(images) < request.count:
        pictures = yield from model.sample(_part(request, len(images)), rng)
        images += [from_signed(picture.float().cpu().numpy()) for picture in pictures]
        yield Progress(len(images), request.count, "pictures")
    sheet = grid(images, columns=math.ceil(math.sqrt(request.count)))
    height, width = sheet.shape[:2]
    settings = Settings(
        " | ".join(filter(None, request.prompts)),
        request.steps,
        request.sampler or model.sampler,
        request.guidance,
        seed,
        width,
        height,
        model=entry.name,
        model_hash=entry.hash,
    )
    facts = {"model": entry.name, "model_sha256": entry.sha256}
    provenance = Provenance.of(Operation.CREATE, **facts)
    if init is not None:
        provenance = Provenance.of(Operation.EDIT, inputs=(Ingredient("start picture", init),), **facts)
    return Gallery().save(sheet, settings, provenance, path=out).path


def _started(request: SampleRequest, shape: tuple[int, int, int], init: Path | None, mask: str | None) -> SampleRequest:
    """The request with its pictures loaded, at the size and in the channels of the model."""
    if mask in HALVES and init is not None:
        return replace(request, init=started(init, None, shape)[0], mask=half(mask, *shape[1:]))
    if mask is not None and mask not in HALVES and not Path(mask).is_file():
        raise InputError(f"There is no mask '{mask}'; it must be a picture or one of {', '.join(HALVES)}.")
    start, anew = started(init, None if mask is None else Path(mask), shape)
    return replace(request, init=start, mask=anew)


def _part(request: SampleRequest, start: int) -> SampleRequest:
    """As many pictures as share a network call, from number `start` on."""
    numbers = range(start, min(start + AT_ONCE, request.count))
    return replace(
        request,
        count=len(numbers),
        prompts=_in_turn(request.prompts, numbers),
        labels=_in_turn(request.labels, numbers),
    )


def _in_turn(values: tuple[T, ...], numbers: range) -> tuple[T, ...]:
    """The value of each number; one for all, or none, stays as it is."""
    return tuple(values[number % len(values)] for number in numbers) if len(values) > 1 else values
