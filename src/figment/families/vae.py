"""Variational autoencoder: pictures from a code of independent normal numbers.

Kingma & Welling 2014; with a weight over 1 on the code's cost it is beta-VAE (Higgins et al. 2017), which spreads what
pictures differ in over separate numbers; the evidence is bounded with many samples by IWAE (Burda et al. 2016).

Loss: -log p(x | z) + beta KL(q(z | x) || N(0, 1)) for a code z drawn from q(z | x). Known weakness: blur, since a
picture is the mean of all that a code could stand for. Remedy: perceptual and adversarial losses, as in the autoencoder
of `latent_diffusion`.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, silu
from torch.optim import AdamW, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch
from figment.core.errors import DataError
from figment.core.model import Encodes, GenerativeModel, HasLikelihood, Interpolates, Loss, SampleRequest
from figment.core.task import Progress, Task, finish
from figment.nn.convolution import Downsample, ResidualBlock
from figment.nn.gaussian import between, discretised_nats, divergence
from figment.pixels.arrays import from_signed

__all__ = ["PRESETS", "TINY", "Config", "Model"]

LEAST_SIDE = 4
"""Pixels at which the pyramid ends."""
AT_ONCE = 500
"""Importance samples that are held in memory together."""


@config
class Config:
    """The code, what it costs, and the networks."""

    image_size: Annotated[int, Field(ge=4, le=512)] = 32
    """Side of the pictures in pixels."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    code: Annotated[int, Field(ge=1, le=4096)] = 64
    """Numbers in a code."""
    width: Annotated[int, Field(ge=8, le=1024, multiple_of=8)] = 32
    """Channels at full resolution; doubled at each level."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 1
    """Residual blocks at each level."""
    likelihood: Literal["normal", "binary"] = "normal"
    """How a pixel is told from its mean: 8-bit values with a learnt deviation, or black and white."""
    beta: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Weight of the code's cost; 1 bounds the likelihood."""
    warmup: Annotated[int, Field(ge=0, le=10**7)] = 500
    """Steps in which that weight rises from 0 (Sønderby et al. 2016): a code that costs from the start stays unused."""
    importance: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Samples of the code with which `nats` bounds the likelihood."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """Peak learning rate."""


PRESETS: Mapping[str, Config] = {
    "binary": Config(likelihood="binary", importance=5000),
    "beta": Config(beta=4.0, code=10, likelihood="binary"),
}
"""Named configurations: for black and white pictures, and beta-VAE with few numbers."""

TINY = Config(image_size=8, channels=1, code=4, width=8, warmup=2, importance=20)


class Model(GenerativeModel[Config], Encodes, HasLikelihood, Interpolates):
    """Encoder and decoder."""

    sampler: ClassVar[str] = "one pass"
    trained: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        sides = _sides(config.image_size)
        widths = [config.width * 2**level for level in range(len(sides))]
        self.encoder = _encoder(config, widths, sides[-1])
        self.decoder = _Decoder(config, widths, sides)
        self.log_deviation = nn.Parameter(torch.full((1, config.channels, 1, 1), -1.5))
        self.register_buffer("trained", torch.zeros((), dtype=torch.int64))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    # Training

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        rate = self.config.learning_rate
        return {"model": AdamW(self.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)}

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        if batch.images is None:
            raise DataError("A variational autoencoder learns from pictures; the data set has none.")
        mean, log_variance = self._posterior(batch.images)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        picture = self._cost(batch.images, self.decoder(code)).mean()
        coded = _code_cost(mean, log_variance).mean()
        weight = self.config.beta * min(1.0, (float(self.trained) + 1) / max(1, self.config.warmup))
        self.trained += 1
        total = (picture + weight * coded) / batch.images[0].numel()
        yield Loss("model", total, {"picture nats": picture.detach(), "code nats": coded.detach()})

    def showcase(self, batch: Batch, stage: str, rng: torch.Generator) -> Tensor | None:
        """Pictures above their reconstructions above samples."""
        if batch.images is None:
            return None
        some = batch.images[:8]
        made = finish(self.sample(SampleRequest(count=len(some)), rng))
        return torch.cat([some, self.decode(self.encode(some)), made])

    def _posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, code) of the codes that `images` could have."""
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def _cost(self, images: Tensor, out: Tensor) -> Tensor:
        """Nats (B,) of `images` where the decoder says `out`."""
        if self.config.likelihood == "binary":
            nats = binary_cross_entropy_with_logits(out, (images + 1) / 2, reduction="none")
        else:
            nats = discretised_nats(images, out, 2 * self.log_deviation.clamp(min=-6).expand_as(out))
        return nats.flatten(1).sum(dim=1)

    # Codes

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Mean codes (B, code)."""
        return self._posterior(images)[0]

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Mean pictures (B, C, H, W) in [-1, 1] of codes (B, code)."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            out: Tensor = self.decoder(latents)
        return 2 * out.sigmoid() - 1 if self.config.likelihood == "binary" else out.clamp(-1, 1)

    @torch.no_grad()
    def nats(self, images: Tensor, rng: torch.Generator) -> Task[Tensor]:
        """The importance-weighted bound (Burda et al. 2016, eq. 8); with one sample it is the plain bound."""
        images = images.to(self.device)
        mean, log_variance = self._posterior(images)
        weights: list[Tensor] = []
        for done, image in enumerate(images):
            weights.append(self._evidence(image, mean[done], log_variance[done], rng))
            yield Progress(done + 1, len(images), "likelihood")
        return -torch.stack(weights)

    def _evidence(self, image: Tensor, mean: Tensor, log_variance: Tensor, rng: torch.Generator) -> Tensor:
        """log of the mean of p(x, z) / q(z | x) over samples of z, for one picture (C, H, W)."""
        found = []
        for start in range(0, self.config.importance, AT_ONCE):
            count = min(AT_ONCE, self.config.importance - start)
            noise = torch.randn(count, len(mean), generator=rng).to(self.device)
            code = mean + noise * (0.5 * log_variance).exp()
            ratio = 0.5 * (noise.square() + log_variance - code.square()).sum(dim=1)  # log p(z) - log q(z | x)
            found.append(ratio - self._cost(image.expand(count, -1, -1, -1), self.decoder(code)))
        return torch.cat(found).logsumexp(dim=0) - math.log(self.config.importance)

    # Sampling

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Decoded codes from the prior, in one pass."""
        self.check(request)
        return (yield from self._pictures(torch.randn(request.count, self.config.code, generator=rng)))

    @torch.no_grad()
    def path(self, count: int, rng: torch.Generator) -> Task[Tensor]:
        return (yield from self._pictures(between(torch.randn(2, self.config.code, generator=rng), count)))

    def _pictures(self, codes: Tensor) -> Task[Tensor]:
        pictures = self.decode(codes.to(self.device))
        yield Progress(1, 1, "sampling", preview=from_signed(pictures[0].float().cpu().numpy()))
        return pictures


def _code_cost(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence (B,) of the codes' distribution from the prior (Kingma & Welling 2014, appendix B)."""
    return divergence(mean, log_variance, torch.zeros_like(mean), torch.zeros_like(mean)).sum(dim=1)


def _sides(side: int) -> list[int]:
    """Sides of the pyramid: halved, rounded up, down to about `LEAST_SIDE`."""
    sides = [side]
    while sides[-1] > LEAST_SIDE + 3:
        sides.append((sides[-1] + 1) // 2)
    return sides


def _encoder(config: Config, widths: list[int], least: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(config.channels, widths[0], 3, padding=1)]
    for level, width in enumerate(widths):
        if level:
            layers.append(Downsample(widths[level - 1], width))
        layers += [ResidualBlock(width) for _ in range(config.blocks)]
    head = nn.Linear(widths[-1] * least**2, 2 * config.code)
    return nn.Sequential(*layers, nn.GroupNorm(8, widths[-1]), nn.SiLU(), nn.Flatten(), head)


class _Decoder(nn.Module):
    """Codes (B, code) to means, or logits of white, (B, C, H, W), float32."""

    def __init__(self, config: Config, widths: list[int], sides: list[int]) -> None:
        super().__init__()
        self.sides = sides
        self.first = nn.Linear(config.code, widths[-1] * sides[-1] ** 2)
        self.levels = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width) for _ in range(config.blocks))) for width in reversed(widths)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(wide, narrow, 3, padding=1) for narrow, wide in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.norm = nn.GroupNorm(8, widths[0])
        self.last = nn.Conv2d(widths[0], config.channels, 3, padding=1)

    def forward(self, code: Tensor) -> Tensor:
        sides = iter(reversed(self.sides))
        side = next(sides)
        x = self.levels[0](self.first(code).view(len(code), -1, side, side))
        for narrow, level, side in zip(self.narrow, self.levels[1:], sides, strict=True):
            x = level(narrow(nn.functional.interpolate(x, size=(side, side), mode="nearest")))
        out: Tensor = self.last(silu(self.norm(x)))
        return out.float()
