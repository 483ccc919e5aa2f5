"""A grid of samples of one model."""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.model import SampleRequest
from figment.core.task import Progress, Task
from figment.pixels.arrays import from_signed
from figment.pixels.grids import grid
from figment.studio.create import ready
from figment.studio.gallery import Gallery, format_of
from figment.studio.library import find
from figment.studio.parameters import Settings
from figment.trust.labels import Operation, Provenance

__all__ = ["sample_grid"]

AT_ONCE = 16  # pictures that share a network call


def sample_grid(
    name: str,
    count: int,
    prompts: tuple[str, ...] = (),
    *,
    seed: int = 0,
    steps: int = 16,
    guidance: float = 3.0,
    out: Path | None = None,
) -> Task[Path]:
    """Sample `count` pictures, the captions in turn, and write them as one square grid."""
    if out is not None:
        format_of(out)
    entry = find(name)
    model = ready(entry)
    said = prompts or ("",)
    images: list[NDArray[np.uint8]] = []
    rng = torch.Generator().manual_seed(seed)
    while len(images) < count:
        some = min(AT_ONCE, count - len(images))
        captions = tuple(said[(len(images) + number) % len(said)] for number in range(some))
        pictures = yield from model.sample(SampleRequest(some, prompts=captions, guidance=guidance, steps=steps), rng)
        images += [from_signed(picture.float().cpu().numpy()) for picture in pictures]
        yield Progress(len(images), count, "pictures")
    sheet = grid(images, columns=math.ceil(math.sqrt(count)))
    height, width = sheet.shape[:2]
    settings = Settings(
        " | ".join(prompts),
        steps,
        model.sampler,
        guidance,
        seed,
        width,
        height,
        model=entry.name,
        model_hash=entry.hash,
    )
    provenance = Provenance.of(Operation.CREATE, model=entry.name, model_sha256=entry.sha256)
    return Gallery().save(sheet, settings, provenance, path=out).path
