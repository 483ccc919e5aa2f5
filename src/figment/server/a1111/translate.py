"""From what AUTOMATIC1111's clients ask for to jobs that make pictures. Nothing here reads or writes a file."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from figment.core.errors import InputError
from figment.server.a1111.bodies import Drawing, FromPicture, FromPrompt
from figment.server.a1111.methods import NOISY, method
from figment.server.a1111.preferences import Values
from figment.server.models import Model
from figment.server.problems import Problem

__all__ = ["STEPS", "Around", "jobs"]

STEPS = 50
"""What AUTOMATIC1111 takes where none are given."""
SLOW = 32
"""Steps from which on there is time to look at previews of Figment's own models."""
OWN_SAMPLER = "Flow AB2"
FILLS = ("fill", "original", "noise", "nothing")
RESIZES = ("stretch", "cover", "contain", "latent")
SAME = ("", "Use same sampler", "Use same scheduler", "Use same checkpoint", "None")
_TAG = re.compile(r"<\w+:[^<>]*>")


@dataclass(frozen=True)
class Around:
    """What a request is read against."""

    values: Values
    """The user's options with those that the request overrides."""
    model: Model
    upscalers: Sequence[str]
    """Names of all upscalers, latent ones too."""


def jobs(body: Drawing, around: Around, inits: Sequence[str] = (), mask: str | None = None) -> list[dict[str, Any]]:
    """Parameters of the "create" jobs of `body`, one for each of its `n_iter` batches and each start picture.

    `inits` and `mask` name files of the user. Raises InputError and Problem for what cannot be honoured.
    """
    _refuse(body, around.model)
    if around.model.own:
        _refuse_own(body, around.model)
    options = {} if around.model.own else _options(body, around, masked=mask is not None)
    request = _request(body, around.model)
    seed = secrets.randbelow(2**32 - 1024) if body.seed == -1 else body.seed
    found: list[dict[str, Any]] = []
    batches = [init for _ in range(body.n_iter) for init in (inits or (None,))]
    count = 1 if len(inits) > 1 else body.batch_size
    for number, init in enumerate(batches):
        moved = number * count
        mixes = "subseed" in options
        one = request | {"count": count, "seed": (seed + (0 if mixes else moved)) % 2**32}
        if init is not None:
            one |= {"init": init, "mask": mask}
        shifted = {"subseed": (options["subseed"] + moved) % 2**32} if mixes else {}
        preview = (body.steps or 0) >= SLOW
        found.append({"request": one, "options": options | shifted, "preview": preview, "format": around.values.format})
    return found


def _request(body: Drawing, model: Model) -> dict[str, Any]:
    width, height = body.width, body.height
    if isinstance(body, FromPrompt) and body.enable_hr and body.firstphase_width and body.firstphase_height:
        width, height = body.firstphase_width, body.firstphase_height
    strength = None
    if isinstance(body, FromPicture):
        strength = 0.75 if body.denoising_strength is None else body.denoising_strength
    return {
        "prompt": _without_tags(body.prompt, body),
        "negative": _without_tags(body.negative_prompt or "", body),
        "steps": body.steps or (None if model.own else STEPS),
        "guidance": body.cfg_scale,
        "size": model.size(width, height) if model.own else model.size(width // 8 * 8, height // 8 * 8),
        "strength": strength,
        "model": model.name,
    }


def _without_tags(prompt: str, body: Drawing) -> str:
    return _TAG.sub("", prompt) if body.disable_extra_networks else prompt


def _options(body: Drawing, around: Around, *, masked: bool) -> dict[str, Any]:
    values = around.values
    sampler, schedule = method(body.sampler_name or body.sampler_index or "Euler", body.scheduler)
    options: dict[str, Any] = {
        "sampler": sampler,
        "schedule": schedule,
        "clip_skip": values.CLIP_stop_at_last_layers,
        "vae": values.vae,
        "rng": "cpu" if values.randn_source == "CPU" else "nv",
        "ensd": values.eta_noise_seed_delta,
        "tiling": bool(body.tiling),
        "batch": body.batch_size,
        "skip_below": values.s_min_uncond if body.s_min_uncond is None else body.s_min_uncond,
    }
    eta = _eta(body, values, sampler)
    if eta is not None and sampler in NOISY:
        options["eta"] = eta
    if body.subseed_strength:
        subseed = secrets.randbelow(2**32 - 1024) if body.subseed == -1 else body.subseed % 2**32
        options |= {"subseed": subseed, "subseed_strength": body.subseed_strength}
    if body.seed_resize_from_w > 0 and body.seed_resize_from_h > 0:
        options["seed_from"] = f"{body.seed_resize_from_w}x{body.seed_resize_from_h}"
    if isinstance(body, FromPrompt) and body.enable_hr:
        options |= _second(body, around)
    if isinstance(body, FromPicture):
        options |= _start(body, values, masked=masked)
    return options


def _eta(body: Drawing, values: Values, sampler: str) -> float | None:
    """What the request says, else the options; None where the sampler's own is meant."""
    name = "eta_ddim" if sampler == "DDIM" else "eta_ancestral"
    chosen: float = getattr(values, name)
    return body.eta if body.eta is not None or chosen == Values.model_fields[name].default else chosen


def _second(body: FromPrompt, around: Around) -> dict[str, Any]:
    """The second drawing ("Hires. fix")."""
    if not _same(body.hr_checkpoint_name, around.model):
        raise InputError("hr_checkpoint_name: the second drawing is by the same model here; leave it out.")
    upscaler = {None: "Latent", "None": "Lanczos"}.get(body.hr_upscaler, body.hr_upscaler)
    if upscaler not in around.upscalers:
        raise InputError(f"hr_upscaler: there is no {body.hr_upscaler!a}; there are: {', '.join(around.upscalers)}.")
    options: dict[str, Any] = {
        "hires": _factor(body),
        "hires_upscaler": upscaler,
        "hires_steps": body.hr_second_pass_steps,
        "hires_strength": 0.75 if body.denoising_strength is None else body.denoising_strength,
        "hires_prompt": body.hr_prompt,
        "hires_negative": body.hr_negative_prompt,
    }
    if body.hr_sampler_name not in (None, *SAME):
        options["hires_sampler"], schedule = method(body.hr_sampler_name, body.hr_scheduler)
        options["hires_schedule"] = schedule
    elif body.hr_scheduler not in (None, *SAME):
        options["hires_schedule"] = method("Euler", body.hr_scheduler)[1]
    return options if options["hires"] > 1 else {}


def _factor(body: FromPrompt) -> float:
    """Times as large as which the second drawing is, from any of the ways to say it."""
    width, height = body.hr_resize_x, body.hr_resize_y
    if body.firstphase_width and body.firstphase_height:
        return body.width / body.firstphase_width
    if not width and not height:
        return body.hr_scale
    if width and height and abs(width / body.width - height / body.height) > 0.01:
        raise InputError("hr_resize_x: the second drawing keeps the proportions of the first here; give one side.")
    return width / body.width if width else height / body.height


def _start(body: FromPicture, values: Values, *, masked: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"resize": RESIZES[body.resize_mode]}
    if masked:
        options |= {
            "mask_blur": body.mask_blur_x if body.mask_blur is None else body.mask_blur,
            "mask_inverted": bool(body.inpainting_mask_invert),
            "fill": FILLS[body.inpainting_fill],
            "area": "masked" if body.inpaint_full_res else "whole",
            "mask_weight": values.inpainting_mask_weight,
        }
        if body.inpaint_full_res:
            options["padding"] = body.inpaint_full_res_padding
    return options


def _same(name: str | None, model: Model) -> bool:
    """Whether the model that is meant is `model` itself, so that nothing changes to another."""
    bare = (name or "").partition(" [")[0].removesuffix(".safetensors").removesuffix(".ckpt")
    return bare in (*SAME, "none", model.name)


def _refuse(body: Drawing, model: Model) -> None:
    """Raise for what would change the picture and is not here."""
    if body.script_name:
        raise Problem(422, f"Script '{body.script_name}' not found")
    for name in body.alwayson_scripts or {}:
        raise Problem(422, f"always on script {name[:80]} not found")
    if body.restore_faces:
        raise InputError("restore_faces: there is no network here that restores faces; leave it out.")
    switched = body.refiner_switch_at is None or body.refiner_switch_at < 1
    if switched and not _same(body.refiner_checkpoint, model):
        raise InputError("refiner_checkpoint: a picture is drawn by one model here; leave it out.")
    if body.s_churn or body.s_noise not in (None, 1):
        raise InputError("s_churn: noise that samplers add is scaled by eta alone here; leave s_churn and s_noise out.")
    if isinstance(body, FromPicture):
        if body.initial_noise_multiplier not in (None, 1):
            raise InputError("initial_noise_multiplier: it is 1 here; leave it out.")
        if body.mask_blur is None and body.mask_blur_x != body.mask_blur_y:
            raise InputError("mask_blur_y: a mask is softened alike in both directions here; make it mask_blur_x.")
    if body.n_iter * body.batch_size > 100:
        raise InputError("n_iter: one request makes at most 100 pictures.")


def _refuse_own(body: Drawing, model: Model) -> None:
    for sampler in (body.sampler_name, body.sampler_index):
        if sampler not in (None, OWN_SAMPLER):
            method(sampler, body.scheduler)  # it has one of its own, but a name that nobody knows is a mistake
    asked: Mapping[str, bool] = {
        "enable_hr": isinstance(body, FromPrompt) and body.enable_hr,
        "tiling": bool(body.tiling),
        "subseed_strength": body.subseed_strength > 0,
        "seed_resize_from_w": body.seed_resize_from_w > 0 and body.seed_resize_from_h > 0,
        "inpainting_mask_invert": isinstance(body, FromPicture)
        and body.mask is not None
        and body.inpainting_mask_invert == 1,
    }
    for name, given in asked.items():
        if given:
            raise InputError(f"{name}: it is for Stable Diffusion, and {model.name} is none; leave it out.")
