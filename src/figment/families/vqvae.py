"""VQ-VAE: pictures from a few codes out of a codebook, and a transformer that writes the codes.

van den Oord et al. 2017; with two levels, VQ-VAE-2 (Razavi et al. 2019). The preset "sharp" adds a perceptual and an
adversarial term (VQGAN, Esser et al. 2021). Stages of training:

    codes  encoder, codebook and decoder
    prior  a transformer over the codes of pictures, so that new ones can be drawn

Loss: |x - decoder(codes)|^2 + 0.25 |z - code|^2 for the vector z that was replaced by its nearest code; of the prior,
-log p(code_i | code_1 ... code_i-1). Known weakness: a codebook most of which lies idle, and blur, as squared errors
have it. Remedies: codes that follow the vectors, idle ones restarted, gradients passed by rotation; and the preset
"sharp".
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, l1_loss, mse_loss
from torch.optim import AdamW, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import Encodes, GenerativeModel, Loss, SampleRequest
from figment.core.task import Progress, Task, finish
from figment.nn.adversarial import balance, hinge
from figment.nn.causal_transformer import CausalTransformer, CausalTransformerConfig, Memory, drawn
from figment.nn.condition import Condition, Kind
from figment.nn.convolution import Downsample, ResidualBlock, Upsample
from figment.nn.perceptual import FeatureNet, PatchCritic, turned
from figment.nn.quantise import Codebook, Gradient, Quantised
from figment.nn.text_encoder import TextEncoderConfig
from figment.pixels.arrays import from_signed

__all__ = ["PRESETS", "TINY", "Config", "Model"]


@config
class Config:
    """The codebook, the networks before and after it, and the prior."""

    image_size: Annotated[int, Field(ge=8, le=512, multiple_of=4)] = 32
    """Side of the pictures in pixels."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    levels: Literal[1, 2] = 1
    """Maps of codes: one at a quarter of the side, or another at an eighth above it (VQ-VAE-2)."""
    codes: Annotated[int, Field(ge=2, le=65_536)] = 512
    """Codes in the codebook of each level."""
    code_width: Annotated[int, Field(ge=2, le=512)] = 32
    """Numbers in a code."""
    gradient: Gradient = "rotation"
    """How gradients pass the codebook."""
    restarts: bool = True
    """Whether idle codes are moved onto vectors of the batch."""
    commitment: Annotated[float, Field(ge=0, le=10)] = 0.25
    """Weight of the distance of vectors from their codes."""
    width: Annotated[int, Field(ge=8, le=1024, multiple_of=8)] = 64
    """Channels at half the resolution; twice as many below."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 2
    """Residual blocks at each resolution."""
    sharp: bool = False
    """Whether a perceptual and an adversarial term keep reconstructions from blur."""
    perceptual: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Weight of the perceptual term."""
    adversarial: Annotated[float, Field(ge=0, le=10)] = 0.3
    """Pull of the critic on the last layer, as a share of that of the other terms."""
    adversarial_from: Annotated[int, Field(ge=0, le=10**7)] = 300
    """Steps before the critic is heard."""
    condition: Kind = "none"
    """What a picture can be asked for by."""
    classes: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Number of classes, for the condition "class"."""
    text: TextEncoderConfig = TextEncoderConfig(width=128, depth=2, heads=2, output=128)
    """Reads captions, for the condition "caption"; trained together with the prior."""
    condition_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of conditions left out, so that pictures of anything can be asked for."""
    prior: CausalTransformerConfig = CausalTransformerConfig()
    """The transformer over codes."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """Peak learning rate."""


PRESETS: Mapping[str, Config] = {
    "two-level": Config(levels=2),
    "sharp": Config(sharp=True),
    "class": Config(condition="class", classes=10),
    "first": Config(gradient="straight", restarts=False),
}
"""Named configurations: VQ-VAE-2, without blur, by class, and without the remedies for an idle codebook."""

TINY = Config(
    image_size=8,
    channels=1,
    levels=2,
    codes=16,
    code_width=4,
    width=8,
    blocks=1,
    sharp=True,
    adversarial_from=1,
    condition="class",
    classes=16,
    prior=CausalTransformerConfig(width=16, depth=1, heads=2),
)


class Model(GenerativeModel[Config], Encodes):
    """Encoder, codebooks, decoder, the prior, and what training for sharpness needs."""

    stages: ClassVar[tuple[str, ...]] = ("codes", "prior")
    training_only: ClassVar[tuple[str, ...]] = ("features", "critic")
    sampler: ClassVar[str] = "code by code"
    trained: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.image_size % (4 * config.levels):
            raise InputError(f"With two levels the side must be a multiple of 8, not {config.image_size}.")
        width, wide, code = config.width, 2 * config.width, config.code_width

        def blocks(channels: int) -> list[nn.Module]:
            return [ResidualBlock(channels) for _ in range(config.blocks)]

        self.encoder = nn.Sequential(
            Downsample(config.channels, width), *blocks(width), Downsample(width, wide), *blocks(wide), *_last(wide)
        )
        self.codebooks = [
            Codebook(config.codes, code, gradient=config.gradient, restarts=config.restarts)
            for _ in range(config.levels)
        ]
        self.books = nn.ModuleList(self.codebooks)
        self.to_code = nn.Conv2d(wide, code, 1)
        if config.levels == 2:
            self.above = nn.Sequential(Downsample(wide, wide), *blocks(wide), *_last(wide), nn.Conv2d(wide, code, 1))
            self.below = nn.Conv2d(code, wide, 1)  # what the upper level tells the lower one
        self.decoder = nn.Sequential(
            nn.Conv2d(code * config.levels, wide, 3, padding=1),
            *blocks(wide),
            Upsample(wide, width),
            *blocks(width),
            *_last(width),
            Upsample(width, width // 2),
            nn.SiLU(),
            nn.Conv2d(width // 2, config.channels, 3, padding=1),
        )
        if config.sharp:
            self.features = FeatureNet(config.channels, 4, max(8, width // 4))
            self.critic = PatchCritic(config.channels, max(8, width // 4))
        self.condition = Condition(config.condition, config.classes, config.text, config.prior.width)
        self.prior = CausalTransformer(config.prior, config.codes * config.levels, config.codes, sum(self._counts))
        self.register_buffer("trained", torch.zeros((), dtype=torch.int64))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    @property
    def honours(self) -> frozenset[str]:
        return self.condition.honours

    @property
    def _sides(self) -> tuple[int, ...]:
        """Sides of the maps of codes, the coarser first."""
        quarter = self.config.image_size // 4
        return (quarter,) if self.config.levels == 1 else (quarter // 2, quarter)

    @property
    def _counts(self) -> tuple[int, ...]:
        return tuple(side**2 for side in self._sides)

    @property
    def _last_weight(self) -> Tensor:
        """Weight of the last convolution, at which losses are balanced."""
        weight = self.decoder[-1].weight
        assert isinstance(weight, Tensor)
        return weight

    # Training

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        def adamw(*parts: nn.Module, share: float = 1.0, betas: tuple[float, float] = (0.9, 0.99)) -> Optimizer:
            rate = share * self.config.learning_rate
            parameters = [parameter for part in parts for parameter in part.parameters()]
            return AdamW(parameters, lr=rate, betas=betas, weight_decay=0.01, fused=True)

        if stage == "prior":
            return {"prior": adamw(self.prior, self.condition)}
        upper = [self.above, self.below] if self.config.levels == 2 else []
        codes = adamw(self.encoder, self.to_code, self.decoder, *upper)
        if not self.config.sharp:
            return {"codes": codes}
        return {
            "codes": codes,
            "critic": adamw(self.critic, share=0.5, betas=(0.5, 0.99)),
            "features": adamw(self.features),
        }

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        if batch.images is None:
            raise DataError("VQ-VAE learns from pictures; the data set has none.")
        if stage == "prior":
            yield self._prior_loss(batch, batch.images)
            return
        levels, made = self._reconstructed(batch.images)
        commitment = torch.stack([level.commitment for level in levels]).sum()
        seen = {"error": mse_loss(made.detach(), batch.images), "commitment": commitment.detach()}
        seen |= {f"perplexity {number}": level.perplexity for number, level in enumerate(levels)}
        if not self.config.sharp:
            yield Loss("codes", mse_loss(made, batch.images) + self.config.commitment * commitment, seen)
            return
        yield self._sharp_loss(batch.images, made, commitment, seen)
        yield self._critic_loss(batch.images, made.detach())
        yield self._features_loss(batch.images)

    def _exactly(self) -> torch.autocast:
        """Float32: on a CPU, weights of a strided convolution that sees one pixel get no true gradient in bfloat16."""
        return torch.autocast(self.device.type, enabled=False)

    def _sharp_loss(self, images: Tensor, made: Tensor, commitment: Tensor, seen: dict[str, Tensor]) -> Loss:
        """L1, a distance in the features of a network that learns which way up pictures are, and the critic's word."""
        self.trained += 1
        with self._exactly():
            perceptual = self.features.distance(made, images)
            total = l1_loss(made, images) + self.config.perceptual * perceptual
            if int(self.trained) > self.config.adversarial_from:
                fooled = -self.critic(made).mean()
                total = total + self.config.adversarial * balance(total, fooled, self._last_weight) * fooled
        return Loss("codes", total + self.config.commitment * commitment, {**seen, "perceptual": perceptual.detach()})

    def _critic_loss(self, images: Tensor, made: Tensor) -> Loss:
        with self._exactly():
            return Loss("critic", hinge(self.critic(images), self.critic(made)))

    def _features_loss(self, images: Tensor) -> Loss:
        turns = torch.randint(4, (len(images),), device=images.device)
        with self._exactly():
            return Loss("features", cross_entropy(self.features(turned(images, turns)), turns))

    def _prior_loss(self, batch: Batch, images: Tensor) -> Loss:
        with torch.no_grad():
            for book in self.books:  # it stays as it is in this stage
                book.eval()
            codes = self.encode(images)
        wanted = self.condition.of(batch, len(codes), self.config.condition_dropout)
        nats = cross_entropy(self.prior(self._read(codes), wanted).flatten(0, 1), codes.flatten())
        return Loss("prior", nats, {"code nats": nats.detach() * codes.shape[1]})

    def showcase(self, batch: Batch, stage: str, rng: torch.Generator) -> Tensor | None:
        """Pictures above their reconstructions, and above samples once the prior learns."""
        if batch.images is None:
            return None
        some = batch.images[:8]
        rows = [some, self.decode(self.encode(some))]
        return torch.cat(rows if stage == "codes" else [*rows, finish(self.sample(self.like(batch, len(some)), rng))])

    # Codes

    def _reconstructed(self, images: Tensor) -> tuple[list[Quantised], Tensor]:
        """What each codebook made of `images`, the coarser first, and the picture that the decoder makes of it."""
        found = self.encoder(images)
        levels: list[Quantised] = []
        if self.config.levels == 2:
            levels.append(self.books[1](self.above(found)))
            found = found + self.below(self._grown(levels[0].vectors))
        levels.append(self.books[0](self.to_code(found)))
        return levels, self._pictured([level.vectors for level in levels])

    def _pictured(self, vectors: list[Tensor]) -> Tensor:
        """Pictures (B, C, H, W) of the vectors of each level, the coarser first."""
        grown = [self._grown(vectors[0]), vectors[1]] if len(vectors) == 2 else vectors
        made: Tensor = self.decoder(torch.cat(grown, dim=1))
        return made.float()

    def _grown(self, coarse: Tensor) -> Tensor:
        return interpolate(coarse, scale_factor=2, mode="nearest")

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, N), those of the coarser level first, row by row."""
        return torch.cat([level.codes.flatten(1) for level in self._reconstructed(images)[0]], dim=1)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [-1, 1] of codes (B, N)."""
        maps = latents.split_with_sizes(self._counts, dim=1)
        books = self.codebooks[::-1]
        vectors = [
            book.looked_up(codes.view(-1, side, side))
            for book, codes, side in zip(books, maps, self._sides, strict=True)
        ]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            return self._pictured(vectors).clamp(-1, 1)

    def _read(self, codes: Tensor) -> Tensor:
        """Tokens of codes (B, N): the two levels have none in common."""
        if self.config.levels == 1:
            return codes
        lower = torch.arange(codes.shape[1], device=codes.device) >= self._counts[0]
        return codes + self.config.codes * lower

    # Sampling

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Codes drawn one after the other, with the keys and values of earlier ones kept; then decoded at once."""
        self.check(request)
        length = sum(self._counts)
        chance = torch.rand(length, request.count, generator=rng).to(self.device)
        wanted = self.condition.asked(request)
        memory = Memory(self.config.prior, request.count, length, self.device)
        codes = torch.zeros(request.count, length, dtype=torch.int64, device=self.device)
        for place in range(length):
            latest = self._read(codes)[:, place - 1] if place else None
            codes[:, place] = drawn(self.prior.step(memory, latest, wanted), chance[place])
            preview = None
            if request.preview:
                preview = from_signed(self.decode(codes[:1])[0].float().cpu().numpy())
            yield Progress(place + 1, length, "sampling", preview=preview)
        return self.decode(codes)


def _last(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.GroupNorm(8, channels), nn.SiLU()
