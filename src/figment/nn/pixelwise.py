"""What models have in common that write a picture pixel by pixel."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import GenerativeModel, HasLikelihood, Loss, SampleRequest
from figment.core.task import Progress, Task, finish
from figment.nn.pixel_draws import CODES, chances, draw
from figment.nn.pixel_likelihood import Likelihood, pixel_nats
from figment.pixels.arrays import from_signed

__all__ = ["Drawing", "PixelModel", "plainly"]

ConfigT = TypeVar("ConfigT")
AT_ONCE = 64
"""Pictures whose likelihood is worked out together."""


class Drawing(ABC):
    """A batch of pictures while they are drawn, row by row."""

    @abstractmethod
    def advance(self, row: int) -> None:
        """Draw row number `row` of every picture; rows must come in order."""

    @abstractmethod
    def pictures(self) -> Tensor:
        """What has been drawn so far, (B, C, H, W) in [-1, 1]; zeros where nothing has."""


class PixelModel(GenerativeModel[ConfigT], HasLikelihood):
    """A network that says of every pixel how likely it is after all pixels before it."""

    sampler: ClassVar[str] = "pixel by pixel"

    @property
    @abstractmethod
    def likelihood(self) -> Likelihood:
        """How a pixel is told."""

    @abstractmethod
    def said(self, images: Tensor, wanted: Tensor | None) -> Tensor:
        """What is said (B, K, H, W) of each pixel of `images` (B, C, H, W) in [-1, 1]."""

    @abstractmethod
    def begin(self, chance: Tensor, wanted: Tensor | None, known: Tensor | None) -> Drawing:
        """Begin pictures that the uniform numbers `chance` (B, H, W, 1 + C) decide.

        `known` (B, C, H, W) holds pixels that are given, and NaN where they are to be drawn.
        """

    def of_batch(self, batch: Batch, count: int) -> Tensor | None:
        """What the pictures of a training batch are asked for by; here, nothing."""
        return None

    def asked(self, request: SampleRequest) -> Tensor | None:
        """What the pictures of `request` are asked for by; here, nothing."""
        return None

    @property
    def honours(self) -> frozenset[str]:
        return frozenset({"init", "mask"})

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        if batch.images is None:
            raise DataError("A model that goes pixel by pixel learns from pictures; the data set has none.")
        nats = self._cost(batch.images, self.of_batch(batch, len(batch.images))).mean()
        yield Loss("model", nats / batch.images[0].numel(), {"nats": nats.detach()})

    def showcase(self, batch: Batch, stage: str, rng: torch.Generator) -> Tensor | None:
        """Pictures, the same with their lower half drawn anew, and samples."""
        if batch.images is None:
            return None
        some = batch.images[:8]
        request = self.like(batch, len(some))
        lower = torch.zeros(1, 1, *some.shape[2:])
        lower[:, :, some.shape[2] // 2 :] = 1
        completed = finish(self.sample(replace(request, init=some, mask=lower), rng))
        return torch.cat([some, completed, finish(self.sample(request, rng))])

    def _cost(self, images: Tensor, wanted: Tensor | None) -> Tensor:
        """Nats (B,) of pictures."""
        return pixel_nats(self.likelihood, self.said(images, wanted), images).sum(dim=(1, 2))

    @torch.no_grad()
    def nats(self, images: Tensor, rng: torch.Generator) -> Task[Tensor]:
        """Exact, for pictures of which nothing is said."""
        found, done = [], 0
        for some in torch.split(images.to(self.device), AT_ONCE):
            found.append(self._cost(some, self.asked(SampleRequest(len(some)))))
            done += len(some)
            yield Progress(done, len(images), "likelihood")
        return torch.cat(found)

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Row by row, in float32 on the CPU; where `mask` is 0, `init` is kept and what follows goes on from it."""
        self.check(request)
        chance, known = self.chance(request, rng), self.known(request)
        drawing = self.begin(chance, self.asked(request), known)
        side = self.image_shape[1]
        for row in range(side):
            drawing.advance(row)
            preview = from_signed(drawing.pictures()[0].numpy()) if request.preview else None
            yield Progress(row + 1, side, "sampling", preview=preview)
        return drawing.pictures().to(self.device)

    def chance(self, request: SampleRequest, rng: torch.Generator) -> Tensor:
        """The uniform numbers that decide the pictures of `request`."""
        channels, height, width = self.image_shape
        return torch.rand(request.count, height, width, chances(channels), generator=rng)

    def known(self, request: SampleRequest) -> Tensor | None:
        """The given pixels (B, C, H, W), NaN where the mask asks for new ones; None where all are.

        Raises InputError for a start picture without a mask, or a mask without one.
        """
        if request.init is None and request.mask is None:
            return None
        if request.init is None or request.mask is None:
            raise InputError("A picture is completed from a start picture and a mask of what to draw; give both.")
        shape = (request.count, *self.image_shape)
        given, anew = request.init.expand(shape), request.mask.to(request.init.device).expand(shape)
        return torch.where(anew > 0, torch.nan, given)


@torch.no_grad()
def plainly(model: PixelModel[Any], request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
    """The same pictures as `model.sample` gives, the plain way: the whole network once more for every pixel.

    It shows what is gained by keeping what has been worked out, and proves that nothing is lost.
    """
    model.check(request)
    chance, known, wanted = model.chance(request, rng), model.known(request), model.asked(request)
    anew = torch.ones(chance.shape[:3], dtype=torch.bool) if known is None else known.isnan().any(dim=1)
    pictures = torch.zeros(request.count, *model.image_shape) if known is None else known.nan_to_num(0.0)
    height, width = anew.shape[1:]
    for row in range(height):
        for column in range(width):
            said = model.said(pictures.to(model.device), wanted)[:, :, row, column].cpu().contiguous().numpy()
            for number in range(request.count):
                if anew[number, row, column]:
                    pixel = pictures[number, :, row, column].numpy().copy()
                    draw(CODES[model.likelihood], said[number], chance[number, row, column].numpy(), pixel)
                    pictures[number, :, row, column] = torch.from_numpy(pixel)
        yield Progress(row + 1, height, "sampling the plain way")
    return pictures.to(model.device)
