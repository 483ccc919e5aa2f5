"""Pictures from a Stable Diffusion checkpoint: text to image, image to image, inpainting, a second time at larger size.

`Engine` holds one model's networks; `Engine.draw` tells how a picture comes about, from the prompt to its pixels.

Several threads may draw with one engine at once. Each walks with its own sampler, guidance and random numbers, and
only calls of the UNet are joined. Prompts are read, and pictures decoded, by one thread at a time, beside the steps of
others.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any, Literal, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from figment.core.errors import CheckpointError, InputError
from figment.core.task import Progress, Task
from figment.diffusion import hires
from figment.diffusion.checkpoints import Checkpoint
from figment.diffusion.conditions import Conditions, conditions
from figment.diffusion.denoiser import Denoiser, Guidance, Known
from figment.diffusion.devices import Backend
from figment.diffusion.eight_bit import Ranges, ranges
from figment.diffusion.embeddings import Embedding
from figment.diffusion.framing import fitted
from figment.diffusion.inpainting import latent_mask
from figment.diffusion.job import FACTOR, Job
from figment.diffusion.kinds import Kind, Part, Prediction
from figment.diffusion.lora import Lora, merged
from figment.diffusion.networks import Autoencoder, Conditioning, UNet, Weights
from figment.diffusion.preview import Preview
from figment.diffusion.randomness import NoiseSource, Seeds
from figment.diffusion.sampling import Method, Walk, redone, walk
from figment.diffusion.schedules import model_sigmas
from figment.diffusion.text import Text
from figment.diffusion.torch_backend import text_network
from figment.diffusion.upscalers import LATENT
from figment.nn import samplers
from figment.nn.shared_calls import Shares
from figment.pixels.arrays import from_signed, to_signed

__all__ = ["Engine", "Job", "Networks"]

T = TypeVar("T")
Picture = NDArray[np.uint8]
FAMILIAR = ("a photograph of people in a city street, trees, sky", "blurry", (0,), 10, 7.0)
"""Prompts, seed, steps and guidance of the drawing by which ranges are found."""


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
class _Canvas:
    """What a walk begins with."""

    noise: NoiseSource
    told: Conditions
    start: Tensor | None
    """Latents (1 or B, 4, h, w) of a picture to start from."""
    beside: Tensor | None
    """(1, 5, h, w): what a network of nine channels sees beside the latents."""
    known: Known | None = None


class Engine(Shares):
    """One model, ready to draw; with `keep` above 1 for one thread alone, since kept features are of one walk."""

    def __init__(
        self, networks: Networks, backend: Backend, *, tiling: bool = False, keep: int = 1, eight_bit: bool = False
    ) -> None:
        self.networks, self.backend, self.tiling, self.keep = networks, backend, tiling, keep
        self.eight_bit = eight_bit
        self._ranges: Ranges | None = None
        self.kind = networks.checkpoint.kind
        if networks.vae is not None:
            self.kind = replace(self.kind, configs={**self.kind.configs, "vae": networks.vae[0]})
        self.sigmas = model_sigmas()
        self._unet: UNet | None = None
        self._autoencoder: Autoencoder | None = None
        self._preview: Preview | None = None
        self._told: dict[tuple[Any, ...], Conditions] = {}
        self._making, self._reading, self._coding = threading.Lock(), threading.Lock(), threading.RLock()
        """Held by who makes the UNet, who reads prompts, and who uses the autoencoder."""

    # Networks, each made when it is first needed

    @property
    def unet(self) -> UNet:
        with self._making:
            if self._unet is None:
                weights = self.networks.weights("unet")
                made = self.backend.unet(self.kind, weights, tiling=self.tiling, keep=self.keep, ranges=self._ranges)
                self._use(made)
        return cast(UNet, self._unet)

    def _use(self, unet: UNet) -> None:
        self._unet = unet
        if not self.networks.checkpoint.prediction_known:
            self.kind = replace(self.kind, prediction=_predicts(unet, self.kind))

    def _asked(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        """What the UNet says, its rows among those of other threads where there are any."""
        if self.shared is None:
            return self.unet(x, times, conditioning)
        told = conditioning.context, conditioning.pooled, conditioning.sizes
        return self.shared(self._of_rows, x, times, told)

    def _of_rows(self, x: Tensor, times: Tensor, told: tuple[Tensor, Tensor | None, Tensor | None]) -> Tensor:
        return self.unet(x, times, Conditioning(*told))

    def gains(self, size: tuple[int, int]) -> bool:
        """Whether pictures of `size` (height, width) cost less when they are drawn together, as far as is known."""
        knees = [] if self.shared is None else self.shared.knees(*(side // FACTOR for side in size))
        found = [knee.pays for knee in knees if knee.found]
        return any(found) or not found

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left to be found out by drawing, which one thread must do alone."""
        return not self.eight_bit or self._ranges is not None

    @property
    def autoencoder(self) -> Autoencoder:
        with self._coding:
            if self._autoencoder is None:
                weights = self.networks.weights("vae")
                self._autoencoder = self.backend.autoencoder(self.kind, weights, tiling=self.tiling)
            return self._autoencoder

    @property
    def preview(self) -> Preview:
        if self._preview is None:  # once it is there nobody waits for whoever decodes
            with self._coding:
                self._preview = self._preview or Preview(self.autoencoder)
        return self._preview

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
        first, second = self._walks(job)
        steps = len(first.sigmas) - 1
        total = steps + (len(second.sigmas) - 1 if second else 0)
        if self.eight_bit and self._ranges is None:
            watch = partial(self._watched, Progress(0, total, "watching the model once"))
            self._ranges = yield from ranges(self.networks.checkpoint.sha256, watch)
        canvas = self._canvas(job, first)
        latents = yield from self._walked(job, first, canvas, 0, total)
        if canvas.known is not None:
            latents = canvas.known.kept(latents, 1.0)
        if second is not None:
            again = hires.again(job)
            start = yield from self._enlarged(job, latents, again.size, Progress(steps, total))
            noise, told = (
                self._noise(again),
                self._conditions(again, second.method, job.steps * first.method.evaluations),
            )
            canvas = _Canvas(noise, told, start, self._beside(again, None, None))
            latents = yield from self._walked(again, second, canvas, steps, total)
        pictures = self._decoded(latents)
        return pictures if job.start is None else [job.start.put_back(picture) for picture in pictures]

    def _watched(self, done: Progress) -> Task[Ranges]:
        """What the layers are given while the checkpoint, without anything laid over it, draws `FAMILIAR`."""
        watched = self.backend.watched(self.kind, self.networks.checkpoint.parts["unet"])
        alone = Engine(Networks(self.networks.checkpoint), self.backend)
        alone._use(watched)
        yield from _told(alone.draw(Job(*FAMILIAR, size=(self.kind.side, self.kind.side))), done)
        return watched.ranges

    def _walks(self, job: Job) -> tuple[Walk, Walk | None]:
        """The ways of the first drawing, and of the second one if there is any."""
        enters = None if job.start is None else redone(job.steps, job.strength)
        first = walk(*job.sampling, job.steps, self.sigmas, self.kind.base, enters=enters)
        second = None
        if job.options.hires > 1:
            if job.start is not None:
                raise InputError("A second drawing is for pictures from a prompt alone; give no picture to start from.")
            second = hires.second_walk(job, self.sigmas, self.kind.base)
        for way in (first, second):
            if way is not None:
                _sampler(way.method, job.options.eta)
        return first, second

    def _canvas(self, job: Job, way: Walk) -> _Canvas:
        """What the first drawing begins with."""
        noise, told = self._noise(job), self._conditions(job, way.method)
        if job.start is None:
            return _Canvas(noise, told, None, self._beside(job, None, None))
        options, mask = job.options, job.start.mask
        picture = _signed(job.start.start)
        latents = self._encoded(picture)
        height, width = (side // FACTOR for side in job.size)
        if latents.shape[2:] != (height, width):
            latents = interpolate(latents, (height, width), mode="bilinear")
            picture = _signed(fitted(job.start.start, job.size, "stretch"))
        beside = self._beside(job, picture, mask)
        if mask is None:
            return _Canvas(noise, told, latents, beside)
        anew = latent_mask(mask, rounded=not options.soft)
        if options.fill == "noise":
            fresh = NoiseSource([Seeds(seed) for seed in job.seeds], (4, height, width), options.rng)
            latents = latents * (1 - anew) + fresh.first() * anew
        elif options.fill == "nothing":
            latents = latents * (1 - anew)
        known = Known(latents, anew, options.soft, ahead=way.method.whole_times and not options.soft)
        return _Canvas(noise, told, latents, beside, known)

    def _beside(self, job: Job, picture: Tensor | None, mask: Picture | None) -> Tensor | None:
        """(1, 5, h, w): mask and masked latents, for a network of nine channels."""
        if not self.kind.inpainting:
            return None
        height, width = job.size
        if picture is None:
            picture = torch.zeros(1, 3, height, width)
        anew = torch.ones(1, 1, height, width)
        if mask is not None:
            anew = torch.from_numpy(mask.astype(np.float32) / 255)[None, None]
            anew = anew if job.options.soft else anew.round()
        picture = torch.lerp(picture, picture * (1 - anew), job.options.mask_weight)
        return torch.cat([interpolate(anew, scale_factor=1 / FACTOR), self._encoded(picture)], dim=1)

    def _enlarged(self, job: Job, latents: Tensor, size: tuple[int, int], done: Progress) -> Task[Tensor]:
        """Latents of the pictures at `size`."""
        how = LATENT.get(job.options.hires_upscaler)
        if how is not None:
            return interpolate(latents, [side // FACTOR for side in size], **how)
        assert job.upscaler is not None
        larger = []
        for picture in self._decoded(latents):
            enlarged = yield from _told(job.upscaler(picture, size), done)
            larger.append(_signed(fitted(enlarged, size, "stretch")))
        return self._encoded(torch.cat(larger))

    def _walked(self, job: Job, way: Walk, canvas: _Canvas, done: int, total: int) -> Task[Tensor]:
        """Latents at the end of `way`; `done` steps of `total` were made before."""
        options, noise = job.options, canvas.noise
        scale, always = job.guidance * way.method.guidance, way.method.asks_without
        guidance = Guidance(scale, options.guide_from, options.guide_until, options.skip_below, always)
        steps = len(way.sigmas) - 1
        _, preview = self.unet, self.preview  # made before anybody waits for this walk
        denoise = Denoiser(
            self._asked,
            self.kind.prediction,
            self.sigmas,
            canvas.told,
            guidance,
            steps * way.method.evaluations,
            beside=canvas.beside,
            known=canvas.known,
        )
        x = way.begin(noise.first(), canvas.start)
        if steps == 0:
            return way.end(x)
        if way.method.brownian:
            noise.along(way.sigmas)
        fresh = noise.increment if way.method.brownian else noise.next
        path = _sampler(way.method, options.eta)(denoise, x, way.sigmas, fresh)
        with nullcontext() if self.shared is None else self.shared.taking_part():
            try:
                step = next(path)
                while True:
                    self._check(step.guess)
                    note = "drawing larger" if done else "drawing"
                    yield Progress(done + step.number, total, note, preview=preview(step.guess[0]))
                    step = path.send(step.x)
            except StopIteration as stop:
                end: Tensor = stop.value
        self._check(end)
        return way.end(end)

    def _check(self, latents: Tensor) -> None:
        if not bool(latents.isfinite().all()):
            name = self.networks.checkpoint.name
            raise CheckpointError(f"{name} says numbers that are not finite; the model or a LoRA over it is spoilt.")

    def _encoded(self, pictures: Tensor) -> Tensor:
        """Latents of `pictures` (B, 3, H, W), each for itself."""
        return torch.cat([self._held("encode", one[None]) for one in pictures])

    def _decoded(self, latents: Tensor) -> list[Picture]:
        """Pictures of latents, each for itself."""
        return [from_signed(self._held("decode", one[None])[0].numpy()) for one in latents]

    def _held(self, way: Literal["encode", "decode"], given: Tensor) -> Tensor:
        """What the autoencoder says; in float32 from where on less precision does not hold its numbers."""
        with self._coding:
            said: Tensor = getattr(self.autoencoder, way)(given)
            if not bool(said.isfinite().all()):
                weights = self.networks.weights("vae")
                self._autoencoder = self.backend.autoencoder(self.kind, weights, tiling=self.tiling, half=False)
                said = getattr(self.autoencoder, way)(given)
        self._check(said)
        return said

    def _noise(self, job: Job) -> NoiseSource:
        options = job.options
        sides = [int(side) // FACTOR for side in options.seed_from.split("x")] if options.seed_from else []
        resized = (sides[1], sides[0]) if sides else None
        seeds = [
            Seeds(seed, options.subseed + number, options.subseed_strength, options.ensd, resized)
            for number, seed in enumerate(job.seeds)
        ]
        return NoiseSource(seeds, (4, job.size[0] // FACTOR, job.size[1] // FACTOR), options.rng)

    def _conditions(self, job: Job, method: Method, first_pass: int | None = None) -> Conditions:
        """What prompts say, kept for the last few.

        Prompts that change do so over all steps that are asked for, even where a start picture skips some.
        """
        calls = job.steps * method.evaluations
        key = (job.prompt, job.negative, calls, job.size, job.options.clip_skip, first_pass)
        with self._reading:
            if key not in self._told:
                if len(self._told) >= 8:
                    self._told.pop(next(iter(self._told)))
                self._told[key] = conditions(
                    self.text(),
                    job.prompt,
                    job.negative,
                    calls,
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


def _signed(picture: Picture) -> Tensor:
    """(1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(to_signed(picture))[None]


def _told(task: Task[T], done: Progress) -> Task[T]:
    """The same task, told as a part of what stands at `done`."""
    try:
        while True:
            report = next(task)
            note = f"{done.note or report.note}, {report.step} of {report.total}"
            yield replace(done, note=note)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        task.close()


def _sampler(method: Method, eta: float | None) -> Callable[..., samplers.Path]:
    """The sampler of `method`, with `eta` where it has any. Raises InputError where it has none."""
    sample: Callable[..., samplers.Path] = samplers.find(method.label).sample
    if eta is None:
        return sample
    if "eta" not in signature(sample).parameters:
        raise InputError(f"The sampler {method.label} adds no noise that --eta could scale; leave it out.")
    return partial(sample, eta=eta)
