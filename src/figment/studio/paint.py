"""From a request to pictures on disk, by a Stable Diffusion checkpoint and what lies in the folders beside it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from figment.core.errors import InputError
from figment.core.task import Task, counted
from figment.diffusion.engine import Engine, Job
from figment.diffusion.fingerprints import fingerprint
from figment.diffusion.hires import larger
from figment.diffusion.inpainting import Prepared, beyond, prepared
from figment.diffusion.options import Options
from figment.diffusion.prompt import networks
from figment.diffusion.upscalers import LATENT, RESAMPLED, Upscaler, open_upscaler, resampled
from figment.diffusion.wildcards import expanded, has_wildcards
from figment.pixels.files import Format
from figment.studio.drop_in import Dropped, What, dropped, find
from figment.studio.engines import Laid, Loaded, laid_over, ready, resident
from figment.studio.gallery import Gallery
from figment.studio.parameters import Settings
from figment.studio.request import CreateRequest
from figment.studio.start import labelled, opened

__all__ = ["company", "paint"]

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
_apart: set[tuple[tuple[Any, ...], tuple[int, int]]] = set()
"""Engines, and sizes of pictures, that were seen to gain nothing from drawing together."""


def paint(
    request: CreateRequest,
    options: Options,
    found: Dropped,
    gallery: Gallery,
    root: Path = Path(),
    format: Format = "png",
    *,
    together: bool = False,
) -> Task[list[Path]]:
    """The pictures of `request` by the checkpoint `found`; see `figment.studio.create.create`.

    With `together` other threads may draw at the same time what is of the same `company`.
    """
    _check(request, options)
    request, options = few_steps(request, options)
    start = _start(request, options)
    first = request.seed if request.seed is not None else secrets.randbelow(2**32 - request.count)
    lists = _lists(root)
    batch = 1 if _is_open(request) else options.batch
    written: list[Path] = []
    for begin in range(0, request.count, batch):
        numbers = range(begin, min(begin + batch, request.count))
        said = _worded(request, lists, first + begin)
        prompt, laid = _laid(said, options, found, root)
        loaded = ready(laid, together=together)
        job = _seeded(_job(said, options, prompt, loaded.engine, start, root), first, numbers)
        checkpoint = loaded.engine.networks.checkpoint
        provenance = labelled(request.init, checkpoint.name, checkpoint.sha256)
        drawn = yield from counted(loaded.engine.draw(job), numbers, request.count, "picture")
        for number, seed, picture in zip(numbers, job.seeds, drawn, strict=True):
            settings = _settings(said, options, loaded, job, seed, number)
            saved = gallery.save(picture, settings, provenance, path=request.out, index=number, format=format)
            written.append(saved.path)
        size = larger(job.size, options.hires)
        if not loaded.engine.gains(size):
            _apart.add((laid.key, size))
    return written


def company(request: CreateRequest, options: Options, found: Dropped, root: Path = Path()) -> str | None:
    """Name of what several threads can draw with at once: the engine that draws all pictures of `request`.

    None where that is another from picture to picture, draws for one thread alone, or was seen to gain nothing.
    """
    if options.keep_features > 1 or (_is_open(request) and request.seed is None):
        return None
    lists, first = _lists(root), request.seed or 0
    seeds = range(first, first + (request.count if _is_open(request) else 1))
    keys = {_laid(_worded(request, lists, seed), options, found, root)[1].key for seed in seeds}
    key = keys.pop()
    engine = resident(key)
    if keys or (options.eight_bit and (engine is None or not engine.is_ready)):
        return None
    sizes = {size for known, size in tuple(_apart) if known == key}
    if engine is not None and sizes:
        size = _start(request, options)[1] or request.sides or (engine.kind.side,) * 2
        if larger(size, options.hires) in sizes:
            return None
    return repr(key)


def _laid(said: CreateRequest, options: Options, found: Dropped, root: Path) -> tuple[str, Laid]:
    """The prompt without tags of networks, and what is laid over the checkpoint."""
    prompt, tags = networks(said.prompt)
    return prompt, laid_over(found, options, tags, f"{prompt} {said.negative}", root)


def _is_open(request: CreateRequest) -> bool:
    return has_wildcards(f"{request.prompt} {request.negative}")


def _lists(root: Path) -> dict[str, Path]:
    return {one.name: one.path for one in dropped(What.WILDCARDS, root)}


def _worded(request: CreateRequest, lists: Mapping[str, Path], seed: int) -> CreateRequest:
    """`request` with words in place of what its prompts leave open."""
    prompt, negative = (expanded(words, lists, seed) for words in (request.prompt, request.negative))
    return replace(request, prompt=prompt, negative=negative)


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
