"""Routes that watch, stop and set."""

import os
from typing import Annotated, Any

from fastapi import APIRouter, Body

from figment.core.errors import InputError
from figment.server.a1111.answers import progress as told
from figment.server.a1111.preferences import Preferences
from figment.server.studio import Studio, TheStudio, Whoever
from figment.studio.jobs.job import Job

__all__ = ["AFTER", "SKIPPED", "router"]

router = APIRouter()
SKIPPED: set[str] = set()
"""Jobs that were ended by "skip", so that the rest of their requests goes on. An id is never used twice."""
AFTER: dict[str, list[str]] = {}
"""Jobs of the requests that are being answered, each with those that follow it in its request."""
ENGINE = {
    "samples_save": True,
    "samples_format": "png",
    "grid_save": False,
    "enable_pnginfo": True,
    "live_previews_enable": True,
    "live_previews_image_format": "jpeg",
    "show_progressbar": True,
    "export_for_4chan": False,
    "return_grid": False,
    "do_not_show_images": False,
    "save_images_add_number": True,
}
"""Options that are what they are."""


@router.get("/progress")
def progress(studio: TheStudio, who: Whoever, skip_current_image: bool = False) -> dict[str, Any]:
    """How far the picture in hand is, with a preview."""
    running = _running(studio, who.name)
    waiting = studio.store.jobs(who.name, "queued", limit=100)
    folder = studio.places(who.name).job(running[0].id) if running else None
    shown = running[0] if running else None
    return told(shown, len(waiting) + len(running[1:]), folder, with_picture=not skip_current_image)


@router.post("/interrupt")
def interrupt(studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """End the pictures in hand, and the rest of their requests. Another user's are none of one's own."""
    for job in _running(studio, who.name):
        for id in [*reversed(AFTER.get(job.id, ())), job.id]:
            studio.store.cancel(id, who.name)
    return {}


@router.post("/skip")
def skip(studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """End the batch in hand; the next one of its request goes on."""
    for job in _running(studio, who.name):
        SKIPPED.add(job.id)
        studio.store.cancel(job.id, who.name)
    return {}


@router.get("/options")
def get_options(studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """All options; those that can be set are kept for each user."""
    root = studio.settings.root
    values = Preferences(root, who.name).read()
    try:
        model = values.model(root)
    except InputError:  # it was deleted: the next request says so
        return ENGINE | values.model_dump() | {"sd_checkpoint_hash": ""}
    chosen = {"sd_model_checkpoint": model.title, "sd_checkpoint_hash": model.sha256}
    return ENGINE | values.model_dump() | chosen


@router.post("/options")
def set_options(changes: Annotated[dict[str, Any], Body()], studio: TheStudio, who: Whoever) -> None:
    """Set some; those without meaning here are passed over, so that all of them may be sent back."""
    Preferences(studio.settings.root, who.name).set(changes)


@router.post("/refresh-checkpoints")
@router.post("/refresh-vae")
@router.post("/refresh-loras")
@router.post("/refresh-embeddings")
@router.post("/unload-checkpoint")
@router.post("/reload-checkpoint")
def nothing_to_do() -> dict[str, Any]:
    """Folders are read whenever they are asked for, and models are loaded when they are used."""
    return {}


@router.get("/memory")
def memory() -> dict[str, Any]:
    """Bytes of this computer's memory."""
    page, total, free = (os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    ram = {"free": page * free, "used": page * (total - free), "total": page * total}
    return {"ram": ram, "cuda": {"error": "unavailable"}}


def _running(studio: Studio, user: str) -> list[Job]:
    """The user's jobs in hand that make or enlarge pictures."""
    running = studio.store.jobs(user, "running", limit=100)
    return [job for job in running if job.kind in ("create", "enlarge")]
