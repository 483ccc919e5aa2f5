"""Prompts from styles, and requests from a picture's settings."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from figment.core.config import explain
from figment.core.errors import InputError
from figment.server.a1111.bodies import Drawing
from figment.studio.parameters import Settings, read

__all__ = ["Styles", "filled", "styled", "styles"]

Styles = Mapping[str, tuple[str, str]]
"""Prompt and negative prompt by name."""
B = TypeVar("B", bound=Drawing)
FIELDS = {
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
    "Hires sampler": "hr_sampler_name",
    "Hires schedule type": "hr_scheduler",
    "Hires prompt": "hr_prompt",
    "Hires negative prompt": "hr_negative_prompt",
    "Mask blur": "mask_blur",
    "Eta": "eta",
    "NGMS": "s_min_uncond",
}
"""Fields by their names in a picture's settings."""
OVERRIDES = {"Clip skip": "CLIP_stop_at_last_layers", "VAE": "sd_vae", "ENSD": "eta_noise_seed_delta"}


def styles(root: Path) -> Styles:
    """Those of styles.csv in the studio's folder, as AUTOMATIC1111 keeps them; none where it cannot be read."""
    try:
        with (root / "styles.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {row["name"]: (row.get("prompt") or "", row.get("negative_prompt") or "") for row in rows if row.get("name")}


def styled(body: B, known: Styles) -> B:
    """`body` with its styles put into the prompts; unknown ones are passed over, as AUTOMATIC1111 does."""
    chosen = [known[name] for name in body.styles or () if name in known]
    prompt = _joined(body.prompt, [style[0] for style in chosen])
    negative = _joined(body.negative_prompt or "", [style[1] for style in chosen])
    return body.model_copy(update={"prompt": prompt, "negative_prompt": negative})


def _joined(prompt: str, added: Sequence[str]) -> str:
    for text in filter(None, (one.strip() for one in added)):
        prompt = text.replace("{prompt}", prompt) if "{prompt}" in text else ", ".join(filter(None, (prompt, text)))
    return prompt


def filled(body: B) -> B:
    """`body` with the fields that it leaves out as its `infotext` says. Raises InputError for a text without any."""
    if not body.infotext:
        return body
    settings = read(body.infotext)
    said = _said(settings)
    overrides = {key: value for name, key in OVERRIDES.items() if (value := settings.extra.get(name)) is not None}
    if settings.model:
        hash = f" [{settings.model_hash}]" if settings.model_hash else ""
        overrides["sd_model_checkpoint"] = f"{settings.model}{hash}"
    if settings.extra.get("RNG") in ("CPU", "NV", "GPU"):
        overrides["randn_source"] = settings.extra["RNG"]
    fresh = {name: value for name, value in said.items() if name in type(body).model_fields}
    given = body.model_dump(exclude_unset=True)
    given["override_settings"] = overrides | (body.override_settings or {})
    try:
        return type(body).model_validate(fresh | given)
    except ValidationError as error:
        raise InputError(f"infotext: {explain(error)}") from None


def _said(settings: Settings) -> dict[str, Any]:
    said: dict[str, Any] = {
        "prompt": settings.prompt,
        "negative_prompt": settings.negative,
        "steps": settings.steps,
        "sampler_name": settings.sampler,
        "scheduler": settings.schedule or None,
        "cfg_scale": settings.guidance,
        "seed": settings.seed,
        "width": settings.width,
        "height": settings.height,
        "enable_hr": "Hires upscale" in settings.extra,
        "tiling": settings.extra.get("Tiling", "False") == "True",
    }
    if settings.strength is not None:
        said["denoising_strength"] = settings.strength
    return said | {FIELDS[name]: value for name, value in settings.extra.items() if name in FIELDS}
