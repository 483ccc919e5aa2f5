"""Routes that list what there is."""

from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from safetensors import SafetensorError, safe_open

from figment.diffusion.sidecars import read as sidecar
from figment.server.a1111.methods import ALIASES, ENLARGERS, LATENT, SCHEDULES, schedule_name
from figment.server.a1111.texts import styles
from figment.server.models import models
from figment.server.studio import TheStudio
from figment.studio.drop_in import Dropped, What, dropped

__all__ = ["router"]

router = APIRouter()
Row = dict[str, Any]
RHO = {"Karras": 7.0, "Polyexponential": 1.0}
SPACED = ("Uniform", "SGM Uniform", "Simple", "Normal", "DDIM", "Beta", "Turbo")
"""Schedules that take a model's own noise levels."""


@router.get("/sd-models")
def sd_models(studio: TheStudio) -> list[Row]:
    """Models that make pictures. A model's hash is worked out when it is first asked for."""
    return [
        {
            "title": one.title,
            "model_name": one.name.replace("/", "_"),
            "hash": one.sha256[:10],
            "sha256": one.sha256,
            "filename": str(one.path),
            "config": None,
        }
        for one in models(studio.settings.root)
    ]


@router.get("/samplers")
def samplers() -> list[Row]:
    """Samplers with their older names."""
    return [{"name": label, "aliases": list(others), "options": {}} for label, others in ALIASES.items()]


@router.get("/schedulers")
def schedulers() -> list[Row]:
    """Schedules of noise levels."""
    return [
        {
            "name": schedule_name(label),
            "label": label,
            "aliases": ["SGMUniform"] if label == "SGM Uniform" else None,
            "default_rho": RHO.get(label, -1.0),
            "need_inner_model": label in SPACED,
        }
        for label in ["Automatic", *SCHEDULES]
    ]


@router.get("/sd-vae")
def sd_vae(studio: TheStudio) -> list[Row]:
    """Autoencoders."""
    found = dropped(What.VAE, studio.settings.root)
    return [{"model_name": one.path.name, "filename": str(one.path)} for one in found]


@router.get("/loras")
def loras(studio: TheStudio) -> list[Row]:
    """LoRAs, with the words that wake them."""
    return [
        {"name": one.stem, "alias": one.stem, "path": str(one.path), "metadata": _facts(one)}
        for one in dropped(What.LORA, studio.settings.root)
    ]


def _facts(one: Dropped) -> Row:
    known = sidecar(one.path)
    return {"activation text": ", ".join(known.trigger_words), "base": known.base, "preferred weight": known.weight}


@router.get("/embeddings")
def embeddings(studio: TheStudio) -> Row:
    """Embeddings. Whether one fits is found when it is used, so none is listed as skipped."""
    found = dropped(What.EMBEDDING, studio.settings.root)
    return {"loaded": {one.stem: _vectors(one) for one in found}, "skipped": {}}


def _vectors(one: Dropped) -> Row:
    """Number and length of an embedding's vectors; those of SDXL are as long as its two encoders' together."""
    shapes: list[list[int]] = []
    with suppress(SafetensorError, OSError), safe_open(one.path, framework="numpy") as file:
        shapes = [list(file.get_slice(name).get_shape()) for name in file.keys()]  # noqa: SIM118  # no mapping
    known = bool(shapes) and all(len(shape) == 2 for shape in shapes)
    return {
        "step": None,
        "sd_checkpoint": None,
        "sd_checkpoint_name": None,
        "shape": sum(shape[1] for shape in shapes) if known else None,
        "vectors": shapes[0][0] if known else None,
    }


@router.get("/upscalers")
def upscalers(studio: TheStudio) -> list[Row]:
    """Ways to enlarge a picture."""
    root = studio.settings.root
    rows = [(name, None) for name in ("None", *ENLARGERS)]
    found = [(one.name, str(one.path)) for one in dropped(What.UPSCALER, root)]
    return [
        {"name": name, "model_name": None, "model_path": path, "model_url": None, "scale": 4}
        for name, path in (*rows, *found)
    ]


@router.get("/latent-upscale-modes")
def latent_upscale_modes() -> list[Row]:
    """Ways to enlarge latents."""
    return [{"name": name} for name in LATENT]


@router.get("/prompt-styles")
def prompt_styles(studio: TheStudio) -> list[Row]:
    """Those of styles.csv in the studio's folder."""
    known = styles(studio.settings.root)
    return [{"name": name, "prompt": prompt, "negative_prompt": not_} for name, (prompt, not_) in known.items()]


@router.get("/hypernetworks")
@router.get("/face-restorers")
@router.get("/realesrgan-models")
@router.get("/script-info")
@router.get("/extensions")
def none_here() -> list[Row]:
    """There are none."""
    return []


@router.get("/scripts")
def scripts() -> Row:
    """There are none."""
    return {"txt2img": [], "img2img": []}


@router.get("/cmd-flags")
def cmd_flags(studio: TheStudio) -> Row:
    """How the server was started, as far as clients look."""
    settings = studio.settings
    return {
        "data_dir": str(settings.root),
        "ckpt_dir": str(settings.root / "models" / "Stable-diffusion"),
        "api": True,
        "nowebui": False,
        "listen": settings.host not in ("127.0.0.1", "localhost", "::1"),
        "port": settings.port,
        "no_half": False,
        "api_server_stop": False,
        "share": False,
    }
