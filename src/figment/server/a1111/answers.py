"""From jobs that have ended to what AUTOMATIC1111's clients read."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from figment import __version__
from figment.core.errors import InputError
from figment.server.a1111.bodies import Drawing
from figment.studio.jobs.job import Job
from figment.studio.jobs.places import Places
from figment.studio.parameters import Settings, read

__all__ = ["drawn", "files", "info"]


def files(jobs: Sequence[Job], places: Places) -> list[tuple[bytes, str]]:
    """Bytes and settings of all that `jobs` made, as the gallery wrote them. What was deleted since is left out."""
    found: list[tuple[bytes, str]] = []
    for job in jobs:
        for one in (job.result or {}).get("files", ()):
            try:
                found.append((places.file(one["path"]).read_bytes(), one["settings"]))
            except (InputError, FileNotFoundError):
                continue
    return found


def drawn(made: Sequence[tuple[bytes, str]], body: Drawing, parameters: dict[str, Any]) -> dict[str, Any]:
    """The answer of txt2img and img2img to `body`, with `parameters` as its echo."""
    images = [b64encode(content).decode() for content, _ in made] if body.send_images else []
    said = info([text for _, text in made], body.styles or ())
    return {"images": images, "parameters": parameters, "info": json.dumps(said)}


def info(texts: Sequence[str], styles: Sequence[str] = ()) -> dict[str, Any]:
    """What AUTOMATIC1111 tells of pictures, from the settings in them and the styles asked for; there is no grid."""
    every = [read(text) for text in texts if text]
    if not every:  # stopped before the first picture
        return {"infotexts": [], "all_seeds": [], "all_prompts": [], "index_of_first_image": 0}
    first = every[0]
    return {
        "prompt": first.prompt,
        "all_prompts": [one.prompt for one in every],
        "negative_prompt": first.negative,
        "all_negative_prompts": [one.negative for one in every],
        "seed": first.seed,
        "all_seeds": [one.seed for one in every],
        "subseed": _subseed(first),
        "all_subseeds": [_subseed(one) for one in every],
        "subseed_strength": float(first.extra.get("Variation seed strength", 0)),
        "width": first.width,
        "height": first.height,
        "sampler_name": first.sampler,
        "cfg_scale": first.guidance,
        "steps": first.steps,
        "batch_size": len(every),
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": first.model,
        "sd_model_hash": first.model_hash,
        "sd_vae_name": first.extra.get("VAE"),
        "sd_vae_hash": first.extra.get("VAE hash"),
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": first.strength,
        "extra_generation_params": {"Schedule type": first.schedule, **first.extra},
        "index_of_first_image": 0,
        "infotexts": list(texts),
        "styles": list(styles),
        "job_timestamp": f"{datetime.now(UTC):%Y%m%d%H%M%S}",
        "clip_skip": int(first.extra.get("Clip skip", 1)),
        "is_using_inpainting_conditioning": False,
        "version": f"figment {__version__}",
    }


def _subseed(settings: Settings) -> int:
    return int(settings.extra.get("Variation seed", settings.seed))
