"""From a request to pictures on disk, by a Stable Diffusion checkpoint and what lies in the folders beside it."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from figment.core.errors import InputError
from figment.core.task import Task, counted
from figment.diffusion import embeddings as inversions
from figment.diffusion import lora as loras
from figment.diffusion import sidecars
from figment.diffusion.checkpoints import Checkpoint, open_autoencoder, open_checkpoint
from figment.diffusion.devices import Backend, best, give_back
from figment.diffusion.engine import Engine, Job, Networks
from figment.diffusion.fingerprints import fingerprint, tensors_fingerprint
from figment.diffusion.inpainting import Prepared, beyond, prepared
from figment.diffusion.options import Options
from figment.diffusion.prompt import Network, networks
from figment.diffusion.upscalers import LATENT, RESAMPLED, Upscaler, open_upscaler, resampled
from figment.diffusion.wildcards import expanded, has_wildcards
from figment.pixels.files import Format
from figment.studio.drop_in import Dropped, What, dropped, find
from figment.studio.gallery import Gallery
from figment.studio.parameters import Settings
from figment.studio.request import CreateRequest
from figment.studio.start import labelled, opened

__all__ = ["Loaded", "engine_of", "paint"]

STEPS, GUIDANCE, STRENGTH = 20, 7.0, 0.75
"""What AUTOMATIC1111 takes where nothing is asked for."""
FEW_STEPS: Mapping[str, tuple[str, str, int, float]] = {
    "lcm": ("LCM", "", 4, 1.5),
    "turbo": ("Euler a", "Turbo", 4, 1.0),
    "lightning": ("Euler", "SGM Uniform", 4, 1.0),
}
"""Sampler, schedule, steps and guidance that the makers of distilled models give."""
OF_MASKS = ("mask_blur", "mask_inverted", "fill", "area", "padding", "soft", "mask_weight")
OF_EXTENSIONS = ("extend_left", "extend_right", "extend_up", "extend_down")
OF_SECONDS = (
    *("hires_upscaler", "hires_steps", "hires_strength", "hires_sampler", "hires_schedule"),
    *("hires_prompt", "hires_negative"),
)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model, what was laid over it, and what those files are called in a picture's settings."""

    engine: Engine
    lora_hashes: Mapping[str, str]
    embedding_hashes: Mapping[str, str]
    vae: Dropped | None


def paint(
    request: CreateRequest,
    options: Options,
    found: Dropped,
    gallery: Gallery,
    root: Path = Path(),
    format: Format = "png",
) -> Task[list[Path]]:
    """The pictures of `request` by the checkpoint `found`; see `figment.studio.create.create`."""
    _check(request, options)
    request, options = few_steps(request, options)
    start = _start(request, options)
    first = request.seed if request.seed is not None else secrets.randbelow(2**32 - request.count)
    lists = {one.name: one.path for one in dropped(What.WILDCARDS, root)}
    together = 1 if has_wildcards(f"{request.prompt} {request.negative}") else options.batch
    written: list[Path] = []
    for begin in range(0, request.count, together):
        numbers = range(begin, min(begin + together, request.count))
        said = replace(
            request,
            prompt=expanded(request.prompt, lists, first + begin),
            negative=expanded(request.negative, lists, first + begin),
        )
        prompt, tags = networks(said.prompt)
        loaded = engine_of(found, options, tags, f"{prompt} {said.negative}", root)
        job = _seeded(_job(said, options, prompt, loaded.engine, start, root), first, numbers)
        checkpoint = loaded.engine.networks.checkpoint
        provenance = labelled(request.init, checkpoint.name, checkpoint.sha256)
        drawn = yield from counted(loaded.engine.draw(job), numbers, request.count, "picture")
        for number, seed, picture in zip(numbers, job.seeds, drawn, strict=True):
            settings = _settings(said, options, loaded, job, seed, number)
            saved = gallery.save(picture, settings, provenance, path=request.out, index=number, format=format)
            written.append(saved.path)
    return written


# The model


_resident: dict[tuple[Any, ...], Loaded] = {}
"""The last model used. Another one takes its place, so that memory holds one."""


def engine_of(
    found: Dropped,
    options: Options,
    tags: Sequence[Network] = (),
    words: str = "",
    root: Path = Path(),
    backend: Callable[[], Backend] = best,
) -> Loaded:
    """The checkpoint with the autoencoder that `options` name, the LoRAs of `tags` and the embeddings of `words`.

    Raises InputError for a name that is not found, CheckpointError for a file that does not fit.
    """
    named = _loras(tags, root)
    vae = None if options.vae is None else _vae(options.vae, root)
    mentioned = [one for one in dropped(What.EMBEDDING, root) if _stands_in(one.stem, words)]
    beside = [vae] if vae else []
    files = [one.path for one in (found, *beside, *mentioned, *(one for one, _, _ in named))]
    stamps = tuple((str(path.resolve()), path.stat().st_mtime_ns) for path in files)
    weights = tuple((text, unet) for _, text, unet in named)
    how = (options.tiling, options.keep_features, options.eight_bit)
    key = (stamps, len(mentioned), vae is None, weights, *how)
    if key not in _resident:
        _resident.clear()
        give_back()
        _resident[key] = _loaded(open_checkpoint(found.path), vae, named, mentioned, options, backend())
    return _resident[key]


def _loaded(
    checkpoint: Checkpoint,
    vae: Dropped | None,
    named: Sequence[tuple[Dropped, float, float]],
    mentioned: Sequence[Dropped],
    options: Options,
    backend: Backend,
) -> Loaded:
    laid = [(loras.read(one.path), text, unet) for one, text, unet in named]
    for lora, _, _ in laid:
        loras.check(lora, checkpoint.parts, checkpoint.kind.base)
    words = [inversions.read(one.path) for one in mentioned]
    words += [word for lora, _, _ in laid for word in lora.embeddings]
    for word in words:
        inversions.check(word, checkpoint.kind)
    made = Networks(checkpoint, None if vae is None else open_autoencoder(vae.path), tuple(laid), tuple(words))
    engine = Engine(made, backend, tiling=options.tiling, keep=options.keep_features, eight_bit=options.eight_bit)
    lora_hashes = {one.stem: tensors_fingerprint(one.path)[:12] for one, _, _ in named}
    return Loaded(engine, lora_hashes, {one.stem: fingerprint(one.path)[:12] for one in mentioned}, vae)


def _stands_in(name: str, words: str) -> bool:
    """Whether `name` stands in `words` apart from other letters and digits."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", words, re.IGNORECASE) is not None


def _loras(tags: Sequence[Network], root: Path) -> list[tuple[Dropped, float, float]]:
    """LoRAs with their weights in the text encoders and in the UNet; those named twice count twice."""
    found: dict[Path, tuple[Dropped, float, float]] = {}
    for tag in tags:
        if tag.kind.lower() not in ("lora", "lyco"):
            raise InputError(f"<{tag.kind}:{tag.name}> is not supported; there is <lora:name:weight>.")
        one = find(What.LORA, tag.name, root)
        text, unet = _weights(tag, one)
        _, before, under = found.get(one.path, (one, 0.0, 0.0))
        found[one.path] = (one, before + text, under + unet)
    return list(found.values())


def _weights(tag: Network, one: Dropped) -> tuple[float, float]:
    """Of <lora:name:both>, <lora:name:text:unet> or <lora:name:te=text:unet=unet>; the file's own without any."""
    given = [argument.partition("=") for argument in tag.arguments]
    plain = [value for value, sign, _ in given if not sign]
    named = {name.strip().lower(): value for name, sign, value in given if sign}
    unknown = set(named) - {"te", "unet"}
    try:
        own = sidecars.read(one.path).weight or 1.0
        text = float(named.get("te", plain[0] if plain else own))
        unet = float(named.get("unet", plain[1] if len(plain) > 1 else text))
    except ValueError:
        unknown = unknown or {":".join(tag.arguments)}
    if unknown:
        raise InputError(f"<lora:{tag.name}> takes a weight such as 0.8, or te=0.5:unet=0.8, not '{unknown.pop()}'.")
    return text, unet


def _vae(name: str, root: Path) -> Dropped:
    path = Path(name)
    return Dropped(path.stem, path) if path.is_file() else find(What.VAE, name, root)


# The job


def _check(request: CreateRequest, options: Options) -> None:
    """Raise InputError for settings that would be passed over."""
    extends = any(getattr(options, name) for name in OF_EXTENSIONS)
    if request.init is None and extends:
        raise InputError("There is no picture to extend: give --init as well.")
    if request.init is not None and options.hires > 1:
        raise InputError("--hires is for pictures from a prompt alone; leave --init out.")
    if request.mask is None and not extends:
        _refuse(options, OF_MASKS, "a mask: give --mask as well")
    elif options.area == "whole":
        _refuse(options, ("padding",), "a masked part that is drawn alone: give --area masked as well")
    if request.init is None:
        _refuse(options, ("resize",), "a start picture: give --init as well")
    if options.hires == 1:
        _refuse(options, OF_SECONDS, "a second drawing: give --hires as well")
    if not options.subseed_strength:
        _refuse(options, ("subseed",), "a mixture of noises: give --subseed-strength as well")


def few_steps(request: CreateRequest, options: Options) -> tuple[CreateRequest, Options]:
    """What was asked for, with the settings of `options.few_steps` where nothing else was."""
    if options.few_steps is None:
        return request, options
    sampler, schedule, steps, guidance = FEW_STEPS[options.few_steps]
    if not options.sampler:
        options = replace(options, sampler=sampler, schedule=options.schedule or schedule)
    return (
        replace(
            request,
            steps=request.steps or steps,
            guidance=guidance if request.guidance is None else request.guidance,
        ),
        options,
    )


def _refuse(options: Options, names: Sequence[str], what: str) -> None:
    for name in options.asked:
        if name in names:
            raise InputError(f"--{name.replace('_', '-')} is for {what}.")


def _start(request: CreateRequest, options: Options) -> tuple[Prepared | None, tuple[int, int] | None]:
    """The start picture, made ready, and its size."""
    picture, mask = opened(request.init, request.mask)
    if picture is None:
        return None, None
    picture, mask = beyond(picture, mask, options)
    size = request.sides or cast(tuple[int, int], tuple(max(64, side // 8 * 8) for side in picture.shape[:2]))
    if min(size) < 8:
        raise InputError(f"A picture of {request.size} cannot be drawn; each side must be a multiple of 8 from 64.")
    return prepared(picture, mask, size, options), size


def _job(
    request: CreateRequest,
    options: Options,
    prompt: str,
    engine: Engine,
    start: tuple[Prepared | None, tuple[int, int] | None],
    root: Path,
) -> Job:
    picture, size = start
    side = engine.kind.side
    return Job(
        prompt,
        request.negative,
        (),
        request.steps or STEPS,
        GUIDANCE if request.guidance is None else request.guidance,
        size or request.sides or (side, side),
        options,
        picture,
        STRENGTH if request.strength is None else request.strength,
        _upscaler(options, root),
    )


def _upscaler(options: Options, root: Path) -> Upscaler | None:
    name = options.hires_upscaler
    if options.hires == 1 or name in LATENT:
        return None
    if name in RESAMPLED:
        return resampled(name)
    return open_upscaler(find(What.UPSCALER, name, root).path)


def _seeded(job: Job, first: int, numbers: range) -> Job:
    """The job for pictures `numbers`: their seeds count up from `first`, or the second seed does if one is mixed in."""
    mixes = job.options.subseed_strength > 0
    seeds = tuple((first + (0 if mixes else number)) % 2**32 for number in numbers)
    options = replace(job.options, subseed=(job.options.subseed + numbers[0]) % 2**32) if mixes else job.options
    return replace(job, seeds=seeds, options=options)


# What is written into the picture


def _settings(request: CreateRequest, options: Options, loaded: Loaded, job: Job, seed: int, number: int) -> Settings:
    checkpoint = loaded.engine.networks.checkpoint
    method, schedule = job.sampling
    strength = job.strength if job.start is not None else options.hires_strength if options.hires > 1 else None
    return Settings(
        prompt=request.prompt,
        negative=request.negative,
        steps=job.steps,
        sampler=method.label,
        schedule="" if method.whole_times else schedule,
        guidance=job.guidance,
        seed=seed,
        width=job.size[1],
        height=job.size[0],
        model=checkpoint.name,
        model_hash=checkpoint.hash,
        strength=strength,
        extra=_extra(request, options, loaded, number),
    )


def _extra(request: CreateRequest, options: Options, loaded: Loaded, number: int) -> dict[str, str]:
    """What AUTOMATIC1111 has names for, and where it has none, this program's."""
    masked = request.mask is not None or any(getattr(options, name) for name in OF_EXTENSIONS)
    said: dict[str, object] = {"RNG": options.rng.upper()}
    if loaded.vae is not None:
        said |= {"VAE hash": fingerprint(loaded.vae.path)[:10], "VAE": loaded.vae.path.name}
    if options.subseed_strength:
        said |= {"Variation seed": options.subseed + number, "Variation seed strength": options.subseed_strength}
    if masked:
        said |= {
            "Mask blur": options.mask_blur,
            "Masked content": CONTENT[options.fill],
            "Inpaint area": AREA[options.area],
        }
    if masked and options.area == "masked":
        said["Masked area padding"] = options.padding
    if options.hires > 1:
        said |= {name: getattr(options, field) for name, field in SECONDS.items() if getattr(options, field)}
    said |= {name: getattr(options, field) for name, field in NAMES.items() if field in options.asked}
    for name, hashes in (("Lora hashes", loaded.lora_hashes), ("TI hashes", loaded.embedding_hashes)):
        if hashes:
            said[name] = ", ".join(f"{file}: {value}" for file, value in hashes.items())
    return {name: str(value) for name, value in said.items()}


CONTENT = {"fill": "fill", "original": "original", "noise": "latent noise", "nothing": "latent nothing"}
AREA = {"whole": "Whole picture", "masked": "Only masked"}
SECONDS = {
    "Hires upscale": "hires",
    "Hires upscaler": "hires_upscaler",
    "Hires steps": "hires_steps",
    "Hires sampler": "hires_sampler",
    "Hires schedule type": "hires_schedule",
    "Hires prompt": "hires_prompt",
    "Hires negative prompt": "hires_negative",
}
NAMES = {
    "Clip skip": "clip_skip",
    "ENSD": "ensd",
    "Eta": "eta",
    "Tiling": "tiling",
    "NGMS": "skip_below",
    "Seed resize from": "seed_from",
    "Conditional mask weight": "mask_weight",
    "Soft inpainting": "soft",
    "Guidance from": "guide_from",
    "Guidance until": "guide_until",
    "Features kept": "keep_features",
    "Eight bits": "eight_bit",
}
"""Fields of `Options` by their names in a picture's settings."""
