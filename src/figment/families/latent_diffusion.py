"""Latent diffusion: a sentence becomes a picture.

A text encoder distilled from a bilingual sentence encoder reads the prompt; a transformer carries noise to a latent
along a straight path (flow matching, Lipman et al. 2023; Esser et al. 2024); an f8 autoencoder (Rombach et al. 2022)
draws the latent as a picture.

Loss of the transformer v: |v(x_t, t, text) - (noise - x)|^2 at x_t = (1 - t) x + t noise. Known weakness: fine shapes
are no better than the autoencoder draws them, and sentences of several objects take much training. Remedies: the stage
"sharpen", and small pictures first. Stages of training:

    text         word and caption embeddings of a teacher -> text encoder
    features     a classifier whose activations are the perceptual space of the next two
    autoencoder  L1 + perceptual + a little KL
    sharpen      the decoder alone, with a patch critic: the cure for blur
    flow         the transformer, on frozen text states and latents
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss, max_pool2d, mse_loss, pad
from torch.optim import AdamW, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch, Dataset
from figment.core.errors import DataError, InputError
from figment.core.model import Encodes, GenerativeModel, Inpaints, Loss, SampleRequest
from figment.core.task import Progress, Task
from figment.nn.adversarial import balance, hinge
from figment.nn.autoencoder import Autoencoder, AutoencoderConfig
from figment.nn.flow import integrate, noised, schedule, shifted
from figment.nn.latent_transformer import LatentTransformer, LatentTransformerConfig
from figment.nn.perceptual import FeatureNet, PatchCritic
from figment.nn.shared_calls import Shares
from figment.nn.text_encoder import TextEncoder, TextEncoderConfig, distillation_loss
from figment.nn.tokenizer import Tokenizer
from figment.pixels.arrays import from_signed

__all__ = ["TINY", "Config", "Model"]

DOWN = 8  # pixels per latent cell
EVEN = 16  # tokens to whose multiple prompts are filled up


@config
class Config:
    """Sizes and loss weights of the three networks."""

    image_size: Annotated[int, Field(ge=16, le=1024, multiple_of=16)] = 128
    """Side of the pictures that it is trained on, in pixels."""
    text: TextEncoderConfig = TextEncoderConfig()
    """The text encoder."""
    autoencoder: AutoencoderConfig = AutoencoderConfig()
    """The autoencoder."""
    transformer: LatentTransformerConfig = LatentTransformerConfig()
    """The latent transformer."""
    vocabulary: str = ""
    """`Tokenizer.digest` of the vocabulary that the text encoder learnt; filled in when the model is built."""
    feature_width: Annotated[int, Field(ge=8, le=256, multiple_of=8)] = 32
    """Channels of the first layer of the feature network and of the patch critic."""
    feature_classes: Annotated[int, Field(ge=2, le=100_000)] = 2048
    """Most class labels that the feature network can be trained on."""
    perceptual: Annotated[float, Field(ge=0, le=10)] = 0.3
    """Weight of the perceptual distance beside L1."""
    kl: Annotated[float, Field(ge=0, le=1)] = 1e-4
    """Weight of the KL divergence to a unit Gaussian, per latent value."""
    sharpen_perceptual: Annotated[float, Field(ge=0, le=10)] = 0.5
    """The same weight when sharpening."""
    adversarial: Annotated[float, Field(ge=0, le=10)] = 0.1
    """Pull of the patch critic on the last layer when sharpening, as a share of that of the other losses."""
    caption_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of captions left out, so that guidance has an unconditional side (Ho & Salimans 2022)."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """Peak learning rate of the transformer."""
    shift: Annotated[float, Field(ge=1, le=10)] = 1.5
    """Shift of times towards noise, in training and along the sampling path (Esser et al. 2024, eq. 23)."""


TINY = Config(
    image_size=32,
    text=TextEncoderConfig(width=32, depth=1, heads=2),
    autoencoder=AutoencoderConfig(width=8, blocks=1),
    transformer=LatentTransformerConfig(width=32, depth=2, heads=2, patch=2),
    feature_width=8,
    feature_classes=16,
)


class Model(GenerativeModel[Config], Encodes, Inpaints, Shares):
    """Text encoder, autoencoder and latent transformer."""

    stages: ClassVar[tuple[str, ...]] = ("text", "features", "autoencoder", "sharpen", "flow")
    training_only: ClassVar[tuple[str, ...]] = ("features", "critic")
    sampler: ClassVar[str] = "Flow AB2"
    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, config: Config) -> None:
        tokenizer = Tokenizer.packaged()
        super().__init__(replace(config, vocabulary=_known(config, tokenizer)))
        self.tokenizer, sizes = tokenizer, config.autoencoder
        self.text = TextEncoder(config.text)
        self.autoencoder = Autoencoder(sizes)
        self.features = FeatureNet(sizes.channels, config.feature_classes, config.feature_width)
        self.critic = PatchCritic(sizes.channels, config.feature_width)
        side = config.image_size // DOWN
        self.transformer = LatentTransformer(
            config.transformer, sizes.latent_channels, side, config.text.width, config.text.output
        )
        self.register_buffer("latent_mean", torch.zeros(1, sizes.latent_channels, 1, 1))
        self.register_buffer("latent_std", torch.ones(1, sizes.latent_channels, 1, 1))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.autoencoder.channels, self.config.image_size, self.config.image_size)

    @property
    def honours(self) -> frozenset[str]:
        return frozenset({"height", "width", "prompts", "negative", "guidance", "init", "strength", "mask"})

    # Training

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        if stage == "text":
            return {"text": _adamw(self.text, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)}
        if stage == "features":
            return {"features": _adamw(self.features, lr=1e-3, weight_decay=0.05)}
        if stage == "autoencoder":
            return {"autoencoder": _adamw(self.autoencoder, lr=1e-3)}
        if stage == "sharpen":
            return {
                "decoder": _adamw(self.autoencoder.decoder, lr=5e-4, betas=(0.5, 0.99)),
                "critic": _adamw(self.critic, lr=5e-4, betas=(0.5, 0.99)),
            }
        return self.transformer.optimizers(self.config.learning_rate)

    def prepare(self, data: Dataset, stage: str) -> None:
        """Start the text encoder from what the teacher says of each piece."""
        if stage != "text":
            return
        size = min(len(data), 1024)
        batches = [data.batch(index, size) for index in range(len(data) // size)]
        texts = tuple(text for batch in batches for text in batch.texts or ())
        vectors = [batch.vectors for batch in batches if batch.vectors is not None]
        if texts and vectors:  # data of another kind is refused with a sentence by the first step
            self.text.start_from(*self.tokenizer.pack(texts, self.config.text.length), torch.cat(vectors))

    def losses(self, batch: Batch, stage: str) -> Iterator[Loss]:
        found: Iterator[Loss] = getattr(self, f"_{stage}_losses")(batch)
        return found

    def showcase(self, batch: Batch, stage: str, rng: torch.Generator) -> Tensor | None:
        """Samples of the flow; pictures above their reconstructions for the autoencoder."""
        if stage in ("text", "features"):
            return None
        if stage == "flow":
            return super().showcase(batch, stage, rng)
        images = _images(batch)
        return torch.cat([images, self.decode(self.encode(images))])

    def _text_losses(self, batch: Batch) -> Iterator[Loss]:
        if batch.texts is None or batch.vectors is None:
            raise DataError("The text stage needs texts with teacher vectors, such as --data words.")
        ids, seen = self.tokenizer.pack(batch.texts, self.config.text.length)
        states = self.text(ids.to(self.device), seen.to(self.device))
        yield Loss("text", distillation_loss(states.pooled, batch.vectors))

    def _features_losses(self, batch: Batch) -> Iterator[Loss]:
        if batch.labels is None:
            raise DataError("The features stage needs class labels, such as --data sprites has.")
        logits = self.features(_images(batch)).float()
        hit = (logits.argmax(dim=1) == batch.labels).float().mean()
        yield Loss("features", cross_entropy(logits, batch.labels, label_smoothing=0.1), {"accuracy": hit})

    def _autoencoder_losses(self, batch: Batch) -> Iterator[Loss]:
        images = _images(batch)
        mean, log_variance = self.autoencoder.posterior(images)
        made = self.autoencoder.decode(mean + torch.randn_like(mean) * (0.5 * log_variance).exp())
        self._follow_latents(mean.detach())
        l1, perceptual = self._picture_losses(made, images)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        total = l1 + self.config.perceptual * perceptual + self.config.kl * kl
        yield Loss("autoencoder", total, {"l1": l1, "perceptual": perceptual, "kl": kl})

    def _sharpen_losses(self, batch: Batch) -> Iterator[Loss]:
        images = _images(batch)
        with torch.no_grad():
            latents, _ = self.autoencoder.posterior(images)
        made = self.autoencoder.decode(latents)
        l1, perceptual = self._picture_losses(made, images)
        faithful = l1 + self.config.sharpen_perceptual * perceptual
        fooled = -self.critic(made).mean()
        weight = self.config.adversarial * balance(faithful, fooled, self.autoencoder.last_weight)
        yield Loss("decoder", faithful + weight * fooled, {"l1": l1, "perceptual": perceptual, "weight": weight})
        told = hinge(self.critic(images), self.critic(made.detach()))
        yield Loss("critic", told, {"hinge": told})

    def _picture_losses(self, made: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        return l1_loss(made, images), self.features.distance(made, images)

    @torch.no_grad()
    def _follow_latents(self, latents: Tensor, rate: float = 0.01) -> None:
        """Running mean and deviation of each latent channel, by which the flow sees unit-sized latents."""
        self.latent_mean.lerp_(latents.mean(dim=(0, 2, 3), keepdim=True), rate)
        self.latent_std.lerp_(latents.std(dim=(0, 2, 3), keepdim=True), rate)

    def _flow_losses(self, batch: Batch) -> Iterator[Loss]:
        if batch.texts is None:
            raise DataError("The flow stage needs captions, such as --data scenes has.")
        clean = self.encode(_images(batch))
        noise = torch.randn_like(clean)
        time = shifted(torch.sigmoid(torch.randn(len(clean), device=clean.device)), self.config.shift)
        keep = torch.rand(len(clean), device=clean.device) >= self.config.caption_dropout
        t = time[:, None, None, None]
        velocity = self.transformer((1 - t) * clean + t * noise, time, self._read(batch.texts, keep))
        yield Loss(("flow", "rest"), mse_loss(velocity, noise - clean))

    def _read(self, texts: tuple[str, ...], keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.no_grad():
            ids, seen = self.tokenizer.pack(texts, self.config.text.length)
            states = self.text(ids.to(self.device), seen.to(self.device))
        return self.transformer.read(states.tokens, states.mask, states.pooled, keep)

    # Latents

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Latents (B, Z, H/8, W/8) of unit size per channel."""
        mean, _ = self.autoencoder.posterior(images)
        return (mean - self.latent_mean) / self.latent_std

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (B, C, H, W), clamped to [-1, 1]."""
        with self._arithmetic():
            return self.autoencoder.decode(latents * self.latent_std + self.latent_mean).clamp(-1, 1)

    def _arithmetic(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16)

    # Sampling

    @torch.no_grad()
    def sample(self, request: SampleRequest, rng: torch.Generator) -> Task[Tensor]:
        """Adams-Bashforth 2 along the flow, from noise or from `init` at time `strength`."""
        self.check(request)
        height, width = self._size(request)
        shape = (request.count, self.config.autoencoder.latent_channels, height // DOWN, width // DOWN)
        noise = torch.randn(shape, generator=rng).to(self.device)
        known = None if request.init is None else self.encode(_repeat(request.init, request.count).to(self.device))
        times = schedule(request.steps, self.config.shift, 1.0 if known is None else request.strength)
        path = integrate(self._guided(request), noise if known is None else noised(known, noise, times[0]), times)
        hole = None if request.mask is None else max_pool2d(request.mask, DOWN).to(self.device)
        held: Tensor | None = None
        with nullcontext() if self.shared is None else self.shared.taking_part():
            while True:
                try:
                    step, x, guess = path.send(held)
                except StopIteration as stop:
                    end: Tensor = stop.value
                    break
                if known is not None and hole is not None:
                    held = torch.where(hole > 0, x, noised(known, noise, times[step]))
                preview = _picture(self._called(self.decode, guess[:1])[0]) if request.preview else None
                yield Progress(step, request.steps, "sampling", preview=preview)
            pictures = self._called(self.decode, end)
        return self._keep_known(pictures, request)

    def _velocity(self, x: Tensor, time: Tensor, text: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        with self._arithmetic():
            velocity: Tensor = self.transformer(x, time, text)
            return velocity

    def _called(self, network: Callable[..., Tensor], *inputs: Any) -> Tensor:
        return network(*inputs) if self.shared is None else self.shared(network, *inputs)

    def _size(self, request: SampleRequest) -> tuple[int, int]:
        side, cell = self.config.image_size, DOWN * self.config.transformer.patch
        height = side if request.height is None else request.height
        width = side if request.width is None else request.width
        for pixels in (height, width):
            if pixels % cell or not side // 2 <= pixels <= 2 * side:
                raise InputError(
                    f"This model makes pictures of {side // 2} to {2 * side} pixels a side in multiples of {cell}, "
                    f"not {width}x{height}."
                )
        return height, width

    def _guided(self, request: SampleRequest) -> Callable[[Tensor, float], Tensor]:
        """Velocity with classifier-free guidance; both sides share one network call (Ho & Salimans 2022, eq. 6)."""
        prompts = request.prompts * (request.count if len(request.prompts) == 1 else 1)
        guided = request.guidance != 1
        texts = prompts + (request.negative,) * (len(prompts) if guided else 0)
        text = _even(*self._read(texts, torch.tensor([bool(t.strip()) for t in texts], device=self.device)))

        def velocity(x: Tensor, time: float) -> Tensor:
            rows = torch.cat([x, x]) if guided else x
            v = self._called(self._velocity, rows, torch.full((len(rows),), time, device=x.device), text)
            if not guided:
                return v
            wanted, unwanted = v.chunk(2)
            return torch.lerp(unwanted, wanted, request.guidance)

        return velocity

    def _keep_known(self, pictures: Tensor, request: SampleRequest) -> Tensor:
        """Outside the mask an inpainted picture is the original to the last bit."""
        if request.init is None or request.mask is None:
            return pictures
        return torch.lerp(request.init.to(pictures.device), pictures, request.mask.to(pictures.device))


def _known(config: Config, tokenizer: Tokenizer) -> str:
    """Digest of the tokenizer's vocabulary, which must be the one that the configuration names and leaves room for."""
    if config.vocabulary not in ("", tokenizer.digest) or tokenizer.size > config.text.vocabulary:
        raise InputError(
            f"The text encoder has {config.text.vocabulary} tokens of the vocabulary '{config.vocabulary}'; "
            f"this version has {tokenizer.size} of '{tokenizer.digest}'."
        )
    return tokenizer.digest


def _even(words: Tensor, seen: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What was read, with unseen tokens after it: prompts of most lengths may share a call and come out the same."""
    lacking = -words.shape[1] % EVEN
    return pad(words, (0, 0, 0, lacking)), pad(seen, (0, lacking)), vector


def _adamw(
    module: nn.Module, lr: float, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0
) -> Optimizer:
    return AdamW(module.parameters(), lr=lr, betas=betas, weight_decay=weight_decay, fused=True)


def _images(batch: Batch) -> Tensor:
    if batch.images is None:
        raise DataError("This stage needs pictures; the data set has none.")
    return batch.images


def _repeat(rows: Tensor, count: int) -> Tensor:
    return rows.expand(count, -1, -1, -1)


def _picture(image: Tensor) -> NDArray[np.uint8]:
    return from_signed(image.float().cpu().numpy())
