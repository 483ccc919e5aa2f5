"""Generative adversarial network: a generator learns to pass a critic that learns to see through it.

The default is R3GAN (Huang et al. 2024): relativistic pairing, zero-centred penalties on real and on made pictures, and
a plain residual network without normalisation, here with its finest level at half the sides of the pictures. The preset
"classic" is DCGAN (Radford et al. 2016) with the non-saturating loss (Goodfellow et al. 2014).

Loss of the critic D: softplus(D(made) - D(real)) + penalty/2 (|dD(real)|^2 + |dD(made)|^2); of the generator:
softplus(D(real) - D(made)). Known weakness of the classic: training that swings or breaks down, and mode collapse, a
generator that makes only some of what the data holds. Remedy: the default.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu
from torch.optim import Adam, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch
from figment.core.errors import DataError
from figment.core.model import GenerativeModel, Interpolates, Loss, SampleRequest
from figment.core.task import Progress, Task
from figment.nn.adversarial import critic_loss, generator_loss, gradient_penalty
from figment.nn.gaussian import between
from figment.pixels.arrays import from_signed

__all__ = ["PRESETS", "TINY", "Config", "Model"]

SIDE, LEAST_SIDE = 32, 4
"""Of the pictures that the penalty's weight is for, and of the smallest map."""
SLOPE = 0.2
"""Of the leaky rectifiers below zero."""
REMEDY = "Use the default preset, a penalty or a lower learning rate."
MORE = "It may pass; if not, use a stronger penalty or a lower learning rate."
"""What is left to a critic that compares in pairs and pays for steep slopes already."""
LEAST_VARIETY, LEAST_MODES, MOST_MARGIN = 0.4, 0.15, 25.0
"""Beyond which a run is said to collapse or to diverge."""


@config
class Config:
    """The game and its players."""

    image_size: Annotated[int, Field(ge=4, le=512)] = 32
    """Side of the pictures in pixels."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    network: Literal["residual", "dcgan"] = "residual"
    """What both players are built of."""
    paired: bool = True
    """Whether the critic compares real with made pictures in pairs, rather than judging each alone."""
    penalty: Annotated[float, Field(ge=0, le=1000)] = 3.0
    """Weight of the critic's squared gradients at pictures of up to 32 px; it grows with the pixels of larger ones."""
    code: Annotated[int, Field(ge=1, le=4096)] = 64
    """Numbers from which a picture is made."""
    width: Annotated[int, Field(ge=8, le=1024, multiple_of=8)] = 32
    """Channels at the finest level; doubled at each coarser one, up to `widest`."""
    widest: Annotated[int, Field(ge=8, le=2048, multiple_of=8)] = 256
    """Most channels."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 1
    """Residual blocks at each level."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """First decay of Adam."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """Peak learning rate of both players."""


PRESETS: Mapping[str, Config] = {
    "classic": Config(network="dcgan", paired=False, penalty=0.0, code=100, momentum=0.5, width=64, learning_rate=2e-4),
    "large": Config(image_size=128, learning_rate=3e-4),
}
"""Named configurations: the one that shows what goes wrong, and the default at the rate that larger pictures bear."""

TINY = Config(image_size=8, channels=1, code=8, width=8, widest=16)


class Model(GenerativeModel[Config], Interpolates):
    """Generator and critic."""

    training_only: ClassVar[tuple[str, ...]] = ("critic",)
    sampler: ClassVar[str] = "one pass"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        halved = config.network == "residual" and _halves(config.image_size)
        sides = _sides(config.image_size // 2 if halved else config.image_size)
        widths = [min(config.widest, config.width * 2**level) for level in range(len(sides))]
        if config.network == "dcgan":
            self.generator: nn.Module = _dcgan_generator(config, widths, sides[-1])
            self.critic: nn.Module = _dcgan_critic(config, widths, sides[-1])
        else:
            self.generator = _generator(config, widths, sides[-1], halved=halved)
            self.critic = _critic(config, widths, sides[-1], halved=halved)
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch lacks this overload

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    # Training

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        rate, betas = self.config.learning_rate, (self.config.momentum, 0.999 if self.config.momentum else 0.99)
        return {
            "critic": Adam(self.critic.parameters(), lr=rate, betas=betas, fused=True),
            "generator": Adam(self.generator.parameters(), lr=rate, betas=betas, fused=True),
        }

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        """The critic's loss, then the generator's, against the critic that has just stepped."""
        if batch.images is None:
            raise DataError("An adversarial network learns from pictures; the data set has none.")
        images = batch.images
        with torch.no_grad():
            made = self._made(torch.randn(len(images), self.config.code, device=images.device))
        yield self._critic_loss(images, made)
        fresh = self._made(torch.randn(len(images), self.config.code, device=images.device))
        scores = self._scores(fresh)
        real = self._scores(images).detach() if self.config.paired else scores
        yield Loss("generator", generator_loss(real, scores, paired=self.config.paired))

    def _critic_loss(self, images: Tensor, made: Tensor) -> Loss:
        if self.config.penalty:
            (real, r1), (false, r2) = (gradient_penalty(self._scores, some) for some in (images, made))
            larger = max(1.0, self.config.image_size / SIDE) ** 2
            penalty = 0.5 * self.config.penalty * larger * (r1 + r2)
        else:
            real, false = self._scores(images), self._scores(made)
            penalty = real.new_zeros(())
        told = critic_loss(real, false, paired=self.config.paired)
        seen = {"margin": (real - false).mean().detach(), "penalty": penalty.detach(), **_variety(images, made)}
        return Loss("critic", told + penalty, seen)

    def warning(self, figures: Mapping[str, float]) -> str:
        """Collapse by what a batch holds, divergence by how far apart the critic tells real from made."""
        remedy = MORE if self.config.paired and self.config.penalty else REMEDY
        if figures["variety"] < LEAST_VARIETY or figures["modes"] < LEAST_MODES:
            return "The generator collapses: its pictures are much alike, and like few of the real ones. " + remedy
        if abs(figures["margin"]) > MOST_MARGIN:
            return "The game diverges: the critic is so sure that the generator learns nothing from it. " + remedy
        return ""

    def _made(self, codes: Tensor) -> Tensor:
        pictures: Tensor = self.generator(codes).float()
        return pictures.tanh() if self.config.network == "dcgan" else pictures

    def _scores(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.critic(pictures).float()
        return scores.flatten()

    # Sampling

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Pictures of random codes, in one pass."""
        self.check(request)
        return (yield from self._pictures(torch.randn(request.count, self.config.code, generator=rng)))

    @torch.no_grad()
    def path(self, count: int, rng: torch.Generator) -> Task[Tensor]:
        return (yield from self._pictures(between(torch.randn(2, self.config.code, generator=rng), count)))

    def _pictures(self, codes: Tensor) -> Task[Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            pictures = self._made(codes.to(self.device)).clamp(-1, 1)
        yield Progress(1, 1, "sampling", preview=from_signed(pictures[0].float().cpu().numpy()))
        return pictures


def _variety(real: Tensor, made: Tensor) -> dict[str, Tensor]:
    """How varied a batch of made pictures is beside a real one of as many.

    "variety" compares the mean distances between two pictures; "modes" is the share of real pictures that are the
    nearest to some made one, beside that of chance, 1 - 1/e.
    """
    if len(real) < 2:
        return {"variety": real.new_ones(()), "modes": real.new_ones(())}
    real, made = real.flatten(1).float(), made.flatten(1).float()
    nearest = torch.cdist(made, real).argmin(dim=1)
    met = torch.zeros(len(real), device=real.device).index_fill(0, nearest, 1.0).mean()
    apart = torch.pdist(made).mean() / torch.pdist(real).mean().clamp(min=1e-6)
    return {"variety": apart, "modes": met / (1 - math.exp(-1))}


def _sides(side: int) -> list[int]:
    """Sides of the pyramid: halved as long as they are even and stay `LEAST_SIDE` or more."""
    sides = [side]
    while _halves(sides[-1]):
        sides.append(sides[-1] // 2)
    return sides


def _halves(side: int) -> bool:
    return side % 2 == 0 and side // 2 >= LEAST_SIDE


# A residual network after R3GAN: no normalisation, every block starts as the identity.


class _Block(nn.Module):
    """x + last(act(first(act(x)))), both 3x3 convolutions over all channels.

    Grouped ones, as R3GAN has them, multiply less and take longer: a processor's matrix units want wide sums.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight, a=SLOPE)
        self.first.weight.data.mul_(layers**-0.25)  # keeps the sum of many blocks in bounds (Zhang et al. 2019)
        for zero in (self.first.bias, self.last.bias, self.last.weight):
            nn.init.zeros_(zero)  # type: ignore[arg-type]  # a convolution with a bias has one

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.last(leaky_relu(self.first(leaky_relu(x, SLOPE)), SLOPE))
        return out


class _Resized(nn.Module):
    """Twice or half the sides, smoothly, and another number of channels."""

    def __init__(self, channels: int, out: int, *, up: bool) -> None:
        super().__init__()
        self.up = up
        self.channels = nn.Conv2d(channels, out, 1, bias=False) if channels != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            return interpolate(self.channels(x), scale_factor=2, mode="bilinear")
        out: Tensor = self.channels(avg_pool2d(x, 2))
        return out


class _End(nn.Module):
    """Each channel weighed over the smallest picture, then one score."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.weigh = nn.Parameter(torch.randn(channels, side, side) / side)
        self.score = nn.Linear(channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.score((x.float() * self.weigh).sum(dim=(2, 3)))
        return score


def _generator(config: Config, widths: list[int], least: int, *, halved: bool) -> nn.Sequential:
    layers = config.blocks * len(widths)
    parts: list[nn.Module] = [
        nn.Linear(config.code, widths[-1] * least**2),
        nn.Unflatten(1, (widths[-1], least, least)),
    ]
    for level in reversed(range(len(widths))):
        parts += [_Block(widths[level], layers) for _ in range(config.blocks)]
        if level:
            parts.append(_Resized(widths[level], widths[level - 1], up=True))
    if halved:
        return nn.Sequential(*parts, nn.ConvTranspose2d(widths[0], config.channels, 4, stride=2, padding=1))
    return nn.Sequential(*parts, nn.Conv2d(widths[0], config.channels, 3, padding=1))


def _critic(config: Config, widths: list[int], least: int, *, halved: bool) -> nn.Sequential:
    layers = config.blocks * len(widths)
    kernel, stride = (4, 2) if halved else (3, 1)
    parts: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], kernel, stride=stride, padding=1)]
    for level, width in enumerate(widths):
        parts += [_Block(width, layers) for _ in range(config.blocks)]
        if level < len(widths) - 1:
            parts.append(_Resized(width, widths[level + 1], up=False))
    return nn.Sequential(*parts, _End(widths[-1], least))


# DCGAN: strided convolutions and batch normalisation.


def _dcgan_generator(config: Config, widths: list[int], least: int) -> nn.Sequential:
    first = nn.Sequential(
        nn.Unflatten(1, (config.code, 1, 1)),
        nn.ConvTranspose2d(config.code, widths[-1], least, bias=False),
        nn.BatchNorm2d(widths[-1]),
        nn.ReLU(),
    )
    parts: list[nn.Module] = [first]
    for wide, narrow in pairwise(reversed(widths)):
        parts += [nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)]
        parts += [nn.BatchNorm2d(narrow), nn.ReLU()]
    generator = nn.Sequential(*parts, nn.Conv2d(widths[0], config.channels, 3, padding=1))
    return _small(generator)


def _dcgan_critic(config: Config, widths: list[int], least: int) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 3, padding=1), nn.LeakyReLU(SLOPE)]
    for narrow, wide in pairwise(widths):
        parts += [nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(wide)]
        parts.append(nn.LeakyReLU(SLOPE))
    return _small(nn.Sequential(*parts, nn.Conv2d(widths[-1], 1, least)))


def _small(network: nn.Sequential) -> nn.Sequential:
    """Weights as the paper starts them: normal, deviation 0.02."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.02)
    return network
