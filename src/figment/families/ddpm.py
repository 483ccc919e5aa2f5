"""Denoising diffusion: a network learns to take noise away, and sampling takes it away little by little.

Ho et al. 2020, with the cosine schedule, learnt variances and the hybrid loss of Nichol & Dhariwal 2021, the v
parameterisation of Salimans & Ho 2022 and the guidance of Ho & Salimans 2022.

Loss: |f(x_t, t) - target|^2 at a random time t, where x_t = sqrt(a_t) x + sqrt(1 - a_t) noise and the target is the
noise, the picture, or v between them. Known weakness: a picture takes many network calls. Remedy: samplers of higher
order, which get by with 10 to 20 (`figment sample --sampler`).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import AdamW, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch
from figment.core.errors import DataError
from figment.core.model import GenerativeModel, HasLikelihood, Inpaints, Interpolates, Loss, SampleRequest
from figment.core.task import Progress, Task
from figment.nn.condition import Condition, Kind
from figment.nn.gaussian import between, discretised_nats, divergence
from figment.nn.noise import cosine_levels, linear_levels, sigma_of, spaced, time_of
from figment.nn.samplers import Denoise, find
from figment.nn.text_encoder import TextEncoderConfig
from figment.nn.transformer import TimeEmbedding
from figment.nn.unet import UNet, UNetConfig
from figment.pixels.arrays import from_signed

__all__ = ["PRESETS", "TINY", "Config", "Model"]

BOUND_WEIGHT = 1e-3
"""Weight of the variational bound beside the simple loss (Nichol & Dhariwal 2021, eq. 16)."""


@config
class Config:
    """What the network predicts, of what, and how large it is."""

    image_size: Annotated[int, Field(ge=4, le=512)] = 32
    """Side of the pictures in pixels."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    condition: Kind = "none"
    """What a picture can be asked for by."""
    classes: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Number of classes, for the condition "class"."""
    unet: UNetConfig = UNetConfig()
    """The network."""
    text: TextEncoderConfig = TextEncoderConfig(width=128, depth=2, heads=2, output=128)
    """Reads captions, for the condition "caption"; trained together with the network."""
    times: Annotated[int, Field(ge=2, le=10_000)] = 1000
    """Noise levels that it is trained at."""
    schedule: Literal["linear", "cosine"] = "cosine"
    """How the noise grows."""
    predicts: Literal["noise", "picture", "v"] = "v"
    """What the network is asked for: the noise (2020), the clean picture, or v = a noise - s picture."""
    learned_variance: bool = False
    """Whether it also learns how much noise to add back, which the variational bound gains from."""
    condition_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of conditions left out, so that guidance has an unconditional side."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 3e-4
    """Peak learning rate."""


PRESETS: Mapping[str, Config] = {
    "2020": Config(schedule="linear", predicts="noise"),
    "class": Config(condition="class", classes=10),
    "caption": Config(condition="caption"),
    "likelihood": Config(predicts="noise", learned_variance=True),
}
"""Named configurations: that of the first paper, conditional ones, and the one with the better bound."""

TINY = Config(
    image_size=8,
    channels=1,
    condition="caption",
    unet=UNetConfig(width=8, multiples=(1, 2), blocks=1, heads=2),
    text=TextEncoderConfig(width=16, depth=1, heads=2, output=8),
    times=20,
    learned_variance=True,
)


class Model(GenerativeModel[Config], HasLikelihood, Inpaints, Interpolates):
    """The network and its noise levels."""

    sampler: ClassVar[str] = "DPM++ 2M"
    levels: Tensor
    sigmas: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        width = 4 * config.unet.width
        self.time = TimeEmbedding(width)
        self.condition = Condition(config.condition, config.classes, config.text, width)
        outputs = config.channels * (2 if config.learned_variance else 1)
        self.unet = UNet(config.unet, config.channels, outputs, width)
        levels = (linear_levels if config.schedule == "linear" else cosine_levels)(config.times)
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("sigmas", sigma_of(levels), persistent=False)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    @property
    def honours(self) -> frozenset[str]:
        guided = {"class": {"guidance"}, "caption": {"negative", "guidance"}}.get(self.config.condition, set())
        return frozenset({"sampler", "init", "strength", "mask"} | guided) | self.condition.honours

    # Training

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        rate = self.config.learning_rate
        return {"model": AdamW(self.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)}

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        if batch.images is None:
            raise DataError("Denoising diffusion learns from pictures; the data set has none.")
        clean, noise = batch.images, torch.randn_like(batch.images)
        time = torch.randint(self.config.times, (len(clean),), device=clean.device)
        signal, strength = self._mixing(time)
        noisy = signal * clean + strength * noise
        wanted = self.condition.of(batch, len(clean), self.config.condition_dropout)
        out, variance = self._predict(noisy, time, self._conditioned(time, wanted))
        target = {"noise": noise, "picture": clean, "v": signal * noise - strength * clean}[self.config.predicts]
        simple = mse_loss(out, target)
        if variance is None:
            yield Loss("model", simple)
            return
        guess = self._picture(out.detach(), noisy, signal, strength)
        bound = self._terms(clean, noisy, guess, variance, time).mean() * self.config.times / clean[0].numel()
        yield Loss("model", simple + BOUND_WEIGHT * bound, {"simple": simple.detach(), "bound": bound.detach()})

    def _conditioned(self, time: Tensor, wanted: Tensor | None) -> Tensor:
        """Vector (B, width) of times (B,) in [0, T - 1] and of what is wanted."""
        embedded: Tensor = self.time(time.float() / self.config.times)
        if wanted is not None:
            embedded = embedded + wanted
        return embedded

    # The process

    def _mixing(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Shares (B, 1, 1, 1) of picture and noise at integer times (B,)."""
        levels = self.levels[time][:, None, None, None]
        return levels.sqrt().float(), (1 - levels).sqrt().float()

    def _predict(self, noisy: Tensor, time: Tensor, condition: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the network says of variance-preserving `noisy`: its prediction, and log-variances where it learns them.

        A variance lies between that of the posterior and beta, on a logarithmic scale (Nichol & Dhariwal 2021, eq. 15).
        """
        out = self.unet(noisy, condition)
        if not self.config.learned_variance:
            return out, None
        prediction, share = out.chunk(2, dim=1)
        low, high = self._posterior(time)[2:]
        between = ((share + 1) / 2).clamp(0, 1)
        return prediction, torch.lerp(low.expand_as(between), high.expand_as(between), between)

    def _picture(self, out: Tensor, noisy: Tensor, signal: Tensor, strength: Tensor) -> Tensor:
        """The clean picture, in [-1, 1], that a prediction stands for."""
        if self.config.predicts == "noise":
            out = (noisy - strength * out) / signal
        elif self.config.predicts == "v":
            out = signal * noisy - strength * out
        return out.clamp(-1, 1)

    def _posterior(self, time: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of q(x_{t-1} | x_t, x_0): weights of x_0 and x_t; log-variance; and log(beta) (Ho et al. 2020, eq. 7)."""
        levels = torch.cat([torch.ones_like(self.levels[:1]), self.levels])
        before, now = levels[time], levels[time + 1]
        beta = 1 - now / before
        of_clean = before.sqrt() * beta / (1 - now)
        of_noisy = (now / before).sqrt() * (1 - before) / (1 - now)
        # At the first time the posterior has no variance; that of the second stands in, as in the paper's code.
        second = levels[1:3]
        least = (1 - second[1] / second[0]) * (1 - second[0]) / (1 - second[1])
        variance = (beta * (1 - before) / (1 - now)).clamp(min=least)
        found = (of_clean, of_noisy, variance.log(), beta.log())
        return tuple(values.float()[:, None, None, None] for values in found)  # type: ignore[return-value]  # four

    def _terms(self, clean: Tensor, noisy: Tensor, guess: Tensor, variance: Tensor | None, time: Tensor) -> Tensor:
        """Nats (B,) of the bound at times (B,): L_{t-1}, and the decoder's L_0 (Ho et al. 2020, eq. 5 and 13)."""
        of_clean, of_noisy, posterior, beta = self._posterior(time)
        mean, made_mean = of_clean * clean + of_noisy * noisy, of_clean * guess + of_noisy * noisy
        made = torch.where(time[:, None, None, None] == 0, posterior, beta) if variance is None else variance
        apart = divergence(mean, posterior, made_mean, made).flatten(1).sum(dim=1)
        decoder = discretised_nats(clean, made_mean, made).flatten(1).sum(dim=1)
        return torch.where(time == 0, decoder, apart)

    @torch.no_grad()
    def nats(self, images: Tensor, rng: torch.Generator) -> Task[Tensor]:
        """The variational bound, with every one of its terms (Ho et al. 2020, eq. 5). Without any condition."""
        images = images.to(self.device)
        last = self.levels[-1].float()
        prior = divergence(last.sqrt() * images, (1 - last).log(), torch.zeros_like(images), torch.zeros_like(images))
        total = prior.flatten(1).sum(dim=1)
        for number in reversed(range(self.config.times)):
            time = torch.full((len(images),), number, device=self.device)
            signal, strength = self._mixing(time)
            noisy = signal * images + strength * torch.randn(images.shape, generator=rng).to(self.device)
            out, variance = self._network(noisy, time, self.condition.asked(SampleRequest(len(images))))
            total += self._terms(images, noisy, self._picture(out, noisy, signal, strength), variance, time)
            yield Progress(self.config.times - number, self.config.times, "likelihood")
        return total

    def _network(self, noisy: Tensor, time: Tensor, wanted: Tensor | None) -> tuple[Tensor, Tensor | None]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            return self._predict(noisy, time.round().long(), self._conditioned(time, wanted))

    # Sampling

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """By any sampler, from noise or from `init` at the level of `strength`; what a mask leaves out is held."""
        self.check(request)
        shape = (request.count, *self.image_shape)
        known = None if request.init is None else request.init.to(self.device).expand(shape)
        start = 1.0 if known is None else request.strength
        if known is not None and not start:
            return known.clone()
        return (yield from self._denoised(request, torch.randn(shape, generator=rng), known, start, rng))

    @torch.no_grad()
    def path(self, count: int, rng: torch.Generator) -> Task[Tensor]:
        """By DDIM, whose pictures follow from the first noise alone (Song et al. 2021)."""
        noise = between(torch.randn(2, *self.image_shape, generator=rng), count)
        return (yield from self._denoised(SampleRequest(count, sampler="DDIM"), noise, None, 1.0, rng))

    def _denoised(
        self, request: SampleRequest, noise: Tensor, known: Tensor | None, start: float, rng: torch.Generator
    ) -> Task[Tensor]:
        """Pictures that `noise` becomes, or that `known` becomes with it added, from the noise level `start` on."""
        shape, noise = noise.shape, noise.to(self.device)
        sigmas = spaced(request.steps, self.sigmas.cpu(), start=start)
        x = sigmas[0] * noise if known is None else known + sigmas[0] * noise

        def fresh(_now: float, _after: float) -> Tensor:
            return torch.randn(shape, generator=rng).to(self.device)

        path = find(request.sampler or self.sampler).sample(self._denoiser(request), x, sigmas, fresh)
        step = next(path)
        while True:
            preview = from_signed(step.guess[0].float().cpu().numpy()) if request.preview else None
            yield Progress(step.number, request.steps, "sampling", preview=preview)
            x = step.x
            if known is not None and request.mask is not None:
                x = torch.where(request.mask.to(self.device) > 0, x, known + sigmas[step.number] * noise)
            try:
                step = path.send(x)
            except StopIteration as stop:
                return self._finished(stop.value, request, known)

    def _finished(self, pictures: Tensor, request: SampleRequest, known: Tensor | None) -> Tensor:
        """In range; outside the mask an inpainted picture is the original to the last bit."""
        pictures = pictures.clamp(-1, 1)
        if known is None or request.mask is None:
            return pictures
        return torch.lerp(known, pictures, request.mask.to(self.device).expand_as(pictures))

    def _denoiser(self, request: SampleRequest) -> Denoise:
        """E[x_0 | x], guided; both sides of guidance share one network call (Ho & Salimans 2022, eq. 6)."""
        wanted, unwanted = self.condition.asked(request), self.condition.unasked(request)
        guided = wanted is not None and unwanted is not None and request.guidance != 1
        asked = torch.cat([wanted, unwanted]) if wanted is not None and unwanted is not None and guided else wanted

        def denoise(x: Tensor, sigma: float) -> Tensor:
            signal = (1 + sigma**2) ** -0.5
            rows = torch.cat([x, x]) if guided else x
            noisy = signal * rows
            time = torch.full((len(rows),), time_of(sigma, self.sigmas), device=self.device)
            out, _ = self._network(noisy, time, asked)
            shares = torch.tensor(signal, device=x.device), torch.tensor(sigma * signal, device=x.device)
            pictures = self._picture(out, noisy, *shares)
            if not guided:
                return pictures
            with_it, without = pictures.chunk(2)
            return torch.lerp(without, with_it, request.guidance).clamp(-1, 1)

        return denoise
