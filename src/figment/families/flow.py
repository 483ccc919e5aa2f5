"""Normalising flow: an invertible network carries pictures to noise, and noise back to pictures.

Glow (Kingma & Dhariwal 2018, after RealNVP, Dinh et al. 2017): at each level pixels are folded into channels, which are
scaled, mixed and then coupled, half of them moved by what a network says of the other half.

Loss: -log N(f(x)) - log |det df/dx|, with noise of one grey level added to x; a bound of the likelihood of 8-bit
pictures. Known weakness: every layer must be invertible and keep all dimensions, so that much network buys little
likeness, and shapes stay loose. Remedy: diffusion, which goes the same way in many small steps and needs no inverse.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pixel_shuffle, pixel_unshuffle
from torch.optim import Adam, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import Encodes, GenerativeModel, HasLikelihood, Interpolates, Loss, SampleRequest
from figment.core.task import Progress, Task
from figment.nn.gaussian import between
from figment.pixels.arrays import from_signed

__all__ = ["TINY", "Config", "Model"]

LEVEL = 2 / 255
"""Distance of two of the 256 values in [-1, 1]."""


@config
class Config:
    """Levels, steps and the networks in the couplings."""

    image_size: Annotated[int, Field(ge=4, le=256)] = 32
    """Side of the pictures in pixels; must be divisible by 2 at every level."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    levels: Annotated[int, Field(ge=1, le=6)] = 2
    """Times that pixels are folded into channels."""
    steps: Annotated[int, Field(ge=1, le=64)] = 6
    """Steps of flow at each level."""
    width: Annotated[int, Field(ge=8, le=1024)] = 64
    """Channels inside a coupling."""
    temperature: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Deviation of the noise that samples start from; below 1 they are likelier and less varied (section 6)."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """Peak learning rate."""


TINY = Config(image_size=8, channels=1, levels=2, steps=2, width=8)


class Model(GenerativeModel[Config], Encodes, HasLikelihood, Interpolates):
    """Steps of flow, level by level; all dimensions stay together to the end."""

    sampler: ClassVar[str] = "one pass"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.image_size % 2**config.levels:
            raise InputError(f"{config.image_size} pixels cannot be halved {config.levels} times; set fewer levels.")
        self.steps = [
            [_Step(config.channels * 4 ** (level + 1), config.width) for _ in range(config.steps)]
            for level in range(config.levels)
        ]
        self.levels = nn.ModuleList(nn.ModuleList(level) for level in self.steps)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        return {"model": Adam(self.parameters(), lr=self.config.learning_rate, fused=True)}

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        if batch.images is None:
            raise DataError("A normalising flow learns from pictures; the data set has none.")
        nats = self._cost(batch.images, torch.rand_like(batch.images)).mean()
        yield Loss("model", nats / batch.images[0].numel(), {"nats": nats.detach()})

    def _cost(self, images: Tensor, chance: Tensor) -> Tensor:
        """Nats (B,) of 8-bit pictures, made continuous by uniform numbers `chance` of their shape."""
        with torch.autocast(images.device.type, enabled=False):  # determinants add up over many steps
            code, volume = self._forwards(images + LEVEL * (chance - 0.5))
            normal = 0.5 * (code.square() + math.log(2 * math.pi)).flatten(1).sum(dim=1)
        return normal - volume - images[0].numel() * math.log(LEVEL)

    def _forwards(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Code (B, D) of continuous pictures, and log |det| (B,) of the way there."""
        volume = x.new_zeros(len(x))
        for level in self.steps:
            x = pixel_unshuffle(x, 2)
            for step in level:
                x, grown = step(x)
                volume = volume + grown
        return x.flatten(1), volume

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, D), one number for each of the picture's."""
        return self._forwards(images)[0]

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, C, H, W) of codes (B, D), clipped to [-1, 1]."""
        side = self.config.image_size // 2**self.config.levels
        x = latents.view(len(latents), -1, side, side)
        for level in reversed(self.steps):
            for step in reversed(level):
                x = step.backwards(x)
            x = pixel_shuffle(x, 2)
        return x.clamp(-1, 1)

    @torch.no_grad()
    def nats(self, images: Tensor, rng: torch.Generator) -> Task[Tensor]:
        """An upper bound: the pictures are made continuous by noise of one grey level (Theis et al. 2016)."""
        found = self._cost(images.to(self.device), torch.rand(images.shape, generator=rng).to(self.device))
        yield Progress(len(images), len(images), "likelihood")
        return found

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Noise carried backwards, in one pass."""
        self.check(request)
        return (yield from self._pictures(torch.randn(request.count, math.prod(self.image_shape), generator=rng)))

    @torch.no_grad()
    def path(self, count: int, rng: torch.Generator) -> Task[Tensor]:
        return (yield from self._pictures(between(torch.randn(2, math.prod(self.image_shape), generator=rng), count)))

    def _pictures(self, noise: Tensor) -> Task[Tensor]:
        pictures = self.decode(self.config.temperature * noise.to(self.device))
        yield Progress(1, 1, "sampling", preview=from_signed(pictures[0].float().cpu().numpy()))
        return pictures


class _Step(nn.Module):
    """Scale, mix and couple (Kingma & Dhariwal 2018, table 1)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.mix = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0])
        self.network = nn.Sequential(
            nn.Conv2d(channels // 2, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 1),
            nn.SiLU(),
            nn.Conv2d(width, channels, 3, padding=1),
        )
        for parameter in self.network[-1].parameters():  # a fresh coupling changes nothing
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) a step on, and log |det| (B,)."""
        x = conv2d((x + self.shift) * self.log_scale.exp(), self.mix[:, :, None, None])
        kept, moved = x.chunk(2, dim=1)
        log_scale, shift = self._told(kept)
        places = x.shape[2] * x.shape[3]
        volume = places * (self.log_scale.sum() + torch.linalg.slogdet(self.mix)[1])
        return torch.cat([kept, (moved + shift) * log_scale.exp()], dim=1), volume + log_scale.flatten(1).sum(dim=1)

    def backwards(self, x: Tensor) -> Tensor:
        """Undoes `forward`."""
        kept, moved = x.chunk(2, dim=1)
        log_scale, shift = self._told(kept)
        x = torch.cat([kept, moved * (-log_scale).exp() - shift], dim=1)
        return conv2d(x, torch.linalg.inv(self.mix)[:, :, None, None]) * (-self.log_scale).exp() - self.shift

    def _told(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Log-scale, within 2 of zero, and shift for the half that is moved."""
        log_scale, shift = self.network(kept).chunk(2, dim=1)
        return 2 * (log_scale / 2).tanh(), shift
