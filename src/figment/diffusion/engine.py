"""Pictures from a Stable Diffusion checkpoint: text to image, image to image, inpainting, a second time at larger size.

`Engine` holds one model's networks; `Engine.draw` tells how a picture comes about, from the prompt to its pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from figment.core.errors import CheckpointError, InputError
from figment.core.task import Progress, Task
from figment.diffusion.checkpoints import Checkpoint
from figment.diffusion.conditions import Conditions, conditions
from figment.diffusion.denoiser import Denoiser, Guidance, Known
from figment.diffusion.devices import Backend
from figment.diffusion.embeddings import Embedding
from figment.diffusion.inpainting import Prepared, latent_mask
from figment.diffusion.kinds import Kind, Part, Prediction
from figment.diffusion.lora import Lora, merged
from figment.diffusion.networks import Autoencoder, Conditioning, UNet, Weights
from figment.diffusion.options import MOST_PIXELS, Options
from figment.diffusion.preview import Preview
from figment.diffusion.randomness import NoiseSource, Seeds
from figment.diffusion.sampling import Method, Walk, chosen, redone, walk
from figment.diffusion.schedules import model_sigmas
from figment.diffusion.text import Text
from figment.diffusion.torch_backend import text_network
from figment.diffusion.upscalers import LATENT, Upscaler
from figment.nn import samplers
from figment.pixels.arrays import from_signed, to_signed
from figment.pixels.resizing import resize

__all__ = ["Engine", "Job", "Networks"]

Picture = NDArray[np.uint8]
FACTOR = 8
"""Pixels of a side for one latent."""
FINEST = 64
"""The least side of a picture, in pixels."""


@dataclass(frozen=True, eq=False)
class Networks:
    """What an engine is made of: a checkpoint, and what takes the place of its parts or is laid over them."""

    checkpoint: Checkpoint
    vae: tuple[Mapping[str, Any], Weights] | None = None
    loras: tuple[tuple[Lora, float, float], ...] = ()
    """LoRAs with their weights in the text encoders and in the UNet."""
    embeddings: tuple[Embedding, ...] = ()

    def weights(self, part: Part) -> Weights:
        """Of one network, with the LoRAs in it."""
        own = self.vae[1] if part == "vae" and self.vae is not None else self.checkpoint.parts[part]
        return merged(own, part, [(lora, unet if part == "unet" else text) for lora, text, unet in self.loras])


@dataclass(frozen=True, eq=False)
class Job:
    """Pictures of one prompt that are drawn side by side."""

    prompt: str
    negative: str
    seeds: tuple[int, ...]
    steps: int
    guidance: float
    size: tuple[int, int]
    """Height and width in pixels."""
    options: Options = field(default_factory=Options)
    start: Prepared | None = None
    """A picture to start from, of `size`."""
    strength: float = 0.75
    upscaler: Upscaler | None = None
    """For a second time that is not enlarged as latents."""

    def __post_init__(self) -> None:
        height, width = self.size
        if any(side % FACTOR or side < FINEST for side in self.size) or height * width > MOST_PIXELS:
            raise InputError(
                f"A picture of {width}x{height} cannot be drawn: each side must be a multiple of {FACTOR} and at least "
                f"{FINEST}, and there may be {MOST_PIXELS / 1e6:.1f} million pixels; draw it smaller and use --hires."
            )


class Engine:
    """One model, ready to draw."""

    def __init__(self, networks: Networks, backend: Backend, *, tiling: bool = False, keep: int = 1) -> None:
        self.networks, self.backend, self.tiling, self.keep = networks, backend, tiling, keep
        self.kind = networks.checkpoint.kind
        if networks.vae is not None:
            self.kind = replace(self.kind, configs={**self.kind.configs, "vae": networks.vae[0]})
        self.sigmas = model_sigmas()
        self._unet: UNet | None = None
        self._autoencoder: Autoencoder | None = None
        self._preview: Preview | None = None
        self._told: dict[tuple[Any, ...], Conditions] = {}

    # Networks, each made when it is first needed

    @property
    def unet(self) -> UNet:
        if self._unet is None:
            weights = self.networks.weights("unet")
            self._unet = self.backend.unet(self.kind, weights, tiling=self.tiling, keep=self.keep)
            if not self.networks.checkpoint.prediction_known:
                self.kind = replace(self.kind, prediction=_predicts(self._unet, self.kind))
        return self._unet

    @property
    def autoencoder(self) -> Autoencoder:
        if self._autoencoder is None:
            self._autoencoder = self.backend.autoencoder(self.kind, self.networks.weights("vae"), tiling=self.tiling)
        return self._autoencoder

    def text(self) -> Text:
        """The text encoders, in float32; they are made anew each time, since they are rarely asked."""
        parts: tuple[Part, ...] = ("text", "text_2")
        there = [part for part in parts if part in self.networks.checkpoint.parts]
        text = Text(self.kind, {part: text_network(self.kind, part, self.networks.weights(part)) for part in there})
        text.embeddings = {one.name: one.vectors for one in self.networks.embeddings if {*one.vectors} == {*there}}
        return text

    # Drawing

    def draw(self, job: Job) -> Task[list[Picture]]:
        """The pictures of `job`, uint8 (H, W, 3), one for each of its seeds.

        Yields a report with a preview after every step. Raises InputError for settings that do not go together, and
        CheckpointError for a model that says numbers which are not finite.
        """
        options = job.options
        method, schedule = chosen(options.sampler or "DPM++ 2M", options.schedule)
        enters = None if job.start is None else redone(job.steps, job.strength)
        first = walk(method, schedule, job.steps, self.sigmas, self.kind.base, enters=enters)
        plan = _plan(self, job, first, method, schedule)
        total = sum(len(one.sigmas) - 1 for one in plan)
        noise = self._noise(job, job.size)
        started, beside, known = self._start(job, noise)
        told = self._conditions(job, first)
        latents = yield from self._walked(job, plan[0], noise, started, told, beside, known, 0, total)
        if known is not None and not known.gradual:
            latents = known.kept(latents, 1.0)
        if len(plan) > 1:
            latents = yield from self._again(job, plan, latents, total)
        return [self._finished(job, picture) for picture in self._decoded(latents)]

    def _start(self, job: Job, noise: NoiseSource) -> tuple[Tensor | None, Tensor | None, Known | None]:
        """Latents to start from, what a network of nine channels is told, and what is kept."""
        if job.start is None:
            return None, self._beside(job, None, None), None
        picture = torch.from_numpy(to_signed(job.start.start))[None]
        latents = self.autoencoder.encode(picture)
        mask = job.start.mask
        if mask is None:
            return latents, self._beside(job, picture, None), None
        anew = latent_mask(mask, rounded=not job.options.soft)
        if job.options.fill == "noise":
            latents = latents * (1 - anew) + noise.first() * anew
            noise.restart()
        elif job.options.fill == "nothing":
            latents = latents * (1 - anew)
        return latents, self._beside(job, picture, mask), Known(latents, anew, job.options.soft)

    def _beside(self, job: Job, picture: Tensor | None, mask: Picture | None) -> Tensor | None:
        """(1, 5, h, w): mask and masked latents, for a network of nine channels."""
        if not self.kind.inpainting:
            return None
        height, width = job.size
        if picture is None:
            picture = torch.zeros(1, 3, height, width)
        anew = torch.ones(1, 1, height, width)
        if mask is not None:
            anew = torch.from_numpy(mask.astype(np.float32) / 255).round()[None, None]
            picture = torch.lerp(picture, picture * (1 - anew), job.options.mask_weight)
        small = interpolate(anew, scale_factor=1 / FACTOR)
        return torch.cat([small, self.autoencoder.encode(picture)], dim=1)

    def _again(self, job: Job, plan: Sequence[Walk], latents: Tensor, total: int) -> Task[Tensor]:
        """The picture enlarged, and redone in part at its new size."""
        options = job.options
        size = _larger(job.size, options.hires)
        latents = self._enlarged(job, latents, size)
        again = replace(job, size=size, start=None)
        noise = self._noise(again, size)
        prompts = replace(
            again, prompt=options.hires_prompt or job.prompt, negative=options.hires_negative or job.negative
        )
        told = self._conditions(prompts, plan[1], first_pass=_calls(plan[0]))
        beside = self._beside(again, None, None)
        done = len(plan[0].sigmas) - 1
        return (yield from self._walked(again, plan[1], noise, latents, told, beside, None, done, total))

    def _enlarged(self, job: Job, latents: Tensor, size: tuple[int, int]) -> Tensor:
        sides = tuple(side // FACTOR for side in size)
        how = LATENT.get(job.options.hires_upscaler)
        if how is not None:
            return interpolate(latents, sides, **how)
        assert job.upscaler is not None
        pictures = [resize(job.upscaler(picture, size), size, "stretch") for picture in self._decoded(latents)]
        return self.autoencoder.encode(torch.stack([torch.from_numpy(to_signed(picture)) for picture in pictures]))

    def _walked(
        self,
        job: Job,
        way: Walk,
        noise: NoiseSource,
        start: Tensor | None,
        told: Conditions,
        beside: Tensor | None,
        known: Known | None,
        done: int,
        total: int,
    ) -> Task[Tensor]:
        """Latents at the end of `way`."""
        options = job.options
        guidance = Guidance(job.guidance, options.guide_from, options.guide_until, options.skip_below)
        calls = _calls(way)
        unet = self.unet
        denoise = Denoiser(unet, self.kind.prediction, self.sigmas, told, guidance, calls, beside=beside, known=known)
        x = way.begin(noise.first(), start)
        if way.method.brownian:
            noise.along(way.sigmas)
        fresh = noise.increment if way.method.brownian else noise.next
        path = _sampler(way.method, options.eta)(denoise, x, way.sigmas, fresh)
        if len(way.sigmas) < 2:
            return way.end(x)
        try:
            step = next(path)
            while True:
                self._check(step.guess)
                note = "drawing" if not done else "drawing larger"
                yield Progress(done + step.number, total, note, preview=self._glimpse(step.guess[0]))
                step = path.send(step.x)
        except StopIteration as stop:
            end: Tensor = stop.value
        self._check(end)
        return way.end(end)

    def _check(self, latents: Tensor) -> None:
        if not bool(latents.isfinite().all()):
            name = self.networks.checkpoint.name
            raise CheckpointError(f"{name} says numbers that are not finite; the model or a LoRA over it is spoilt.")

    def _glimpse(self, latents: Tensor) -> Picture:
        if self._preview is None:
            self._preview = Preview(self.autoencoder)
        return self._preview(latents)

    def _decoded(self, latents: Tensor) -> list[Picture]:
        """Pictures of latents, one by one; in float32 where less precision does not hold them."""
        found = []
        for one in latents:
            picture = self.autoencoder.decode(one[None])
            if not bool(picture.isfinite().all()):
                weights = self.networks.weights("vae")
                self._autoencoder = self.backend.autoencoder(self.kind, weights, tiling=self.tiling, half=False)
                picture = self.autoencoder.decode(one[None])
            self._check(picture)
            found.append(from_signed(picture[0].numpy()))
        return found

    def _finished(self, job: Job, picture: Picture) -> Picture:
        return picture if job.start is None or job.options.hires > 1 else job.start.put_back(picture)

    def _noise(self, job: Job, size: tuple[int, int]) -> NoiseSource:
        options = job.options
        sides = [int(side) // FACTOR for side in options.seed_from.split("x")] if options.seed_from else []
        resized = (sides[1], sides[0]) if sides else None
        seeds = [
            Seeds(seed, options.subseed + number, options.subseed_strength, options.ensd, resized)
            for number, seed in enumerate(job.seeds)
        ]
        return NoiseSource(seeds, (4, size[0] // FACTOR, size[1] // FACTOR), options.rng)

    def _conditions(self, job: Job, way: Walk, first_pass: int | None = None) -> Conditions:
        """What prompts say, kept for the last few."""
        key = (job.prompt, job.negative, _calls(way), job.size, job.options.clip_skip, first_pass)
        if key not in self._told:
            if len(self._told) >= 8:
                self._told.pop(next(iter(self._told)))
            self._told[key] = conditions(
                self.text(),
                job.prompt,
                job.negative,
                _calls(way),
                job.size,
                clip_skip=job.options.clip_skip,
                first_pass=first_pass,
            )
        return self._told[key]


def _predicts(unet: UNet, kind: Kind) -> Prediction:
    """What a UNet of SD2 predicts, by what it says of a grey that is nearly all noise: itself, or far from it."""
    grey = torch.full((1, 4, 8, 8), 0.5)
    told = Conditioning(torch.full((1, 77, kind.configs["unet"]["cross_attention_dim"]), 0.5))
    return "v" if float((unet(grey, torch.tensor([999.0]), told) - grey).mean()) < -1 else "noise"


def _plan(engine: Engine, job: Job, first: Walk, method: Method, schedule: str) -> list[Walk]:
    """The walks of a picture: one, or two where it is drawn a second time."""
    options = job.options
    if options.hires == 1:
        return [first]
    _larger(job.size, options.hires)
    again, spaced = chosen(options.hires_sampler or method.label, options.hires_schedule or schedule)
    steps, enters = job.steps, redone(job.steps, options.hires_strength)
    if options.hires_steps:  # as many as are asked for are made, not a share of them
        steps, enters = round(options.hires_steps / max(options.hires_strength, 0.001)), options.hires_steps - 1
    return [first, walk(again, spaced, min(steps, len(engine.sigmas)), engine.sigmas, engine.kind.base, enters=enters)]


def _larger(size: tuple[int, int], times: float) -> tuple[int, int]:
    """Height and width of the second drawing, in whole latents. Raises InputError where that is too much."""
    height, width = (int(side * times) // FACTOR * FACTOR for side in size)
    if height * width > MOST_PIXELS:
        raise InputError(
            f"A second drawing of {width}x{height} is too large; it may have {MOST_PIXELS / 1e6:.1f} million pixels, "
            "so lower --hires or the size."
        )
    return height, width


def _calls(way: Walk) -> int:
    """Network calls of a walk, as AUTOMATIC1111 counts them for prompts that change."""
    return (len(way.sigmas) - 1) * way.method.evaluations


def _sampler(method: Method, eta: float | None) -> Callable[..., samplers.Path]:
    """The sampler of `method`, with `eta` where it has any. Raises InputError where it has none."""
    sample: Callable[..., samplers.Path] = samplers.find(method.label).sample
    if eta is None:
        return sample
    if "eta" not in signature(sample).parameters:
        raise InputError(f"The sampler {method.label} adds no noise that --eta could scale; leave it out.")
    return partial(sample, eta=eta)
