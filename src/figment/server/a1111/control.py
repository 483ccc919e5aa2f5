"""Routes that watch, stop and set."""

import os
from typing import Annotated, Any

from fastapi import APIRouter, Body

from figment.core.errors import InputError
from figment.server.a1111.asked import SKIPPED, Asked, of
from figment.server.a1111.preferences import Preferences
from figment.server.a1111.progress import KINDS, course, told
from figment.server.studio import Studio, TheStudio, Whoever
from figment.studio.jobs.job import Job

__all__ = ["open_jobs", "router"]

router = APIRouter()
ENGINE = {
    "samples_save": True,
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
FOLDERS = ("outdir_txt2img_samples", "outdir_img2img_samples", "outdir_extras_samples")
"""Options that name the user's gallery, where every picture is kept."""


@router.get("/progress")
def progress(studio: TheStudio, who: Whoever, skip_current_image: bool = False) -> dict[str, Any]:
    """How far the picture in hand is, with a preview."""
    now = course(open_jobs(studio, who.name), studio.forecast())
    folder = None if now is None else studio.places(who.name).job(now.job.id)
    return told(now, folder, with_picture=not skip_current_image)


@router.post("/interrupt")
def interrupt(studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """End the requests in hand, with what they have still to come. Another user's are none of one's own."""
    for asked in _in_hand(studio, who.name):
        for id in reversed(asked.ids):
            studio.store.cancel(id, who.name)
    return {}


@router.post("/skip")
def skip(studio: TheStudio, who: Whoever) -> None:
    """End the batch in hand; the others of its request go on."""
    for id in _in_hand(studio, who.name).values():
        SKIPPED.add(id)
        studio.store.cancel(id, who.name)


@router.get("/options")
def get_options(studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """All options; those that can be set are kept for each user."""
    root, gallery = studio.settings.root, str(studio.places(who.name).gallery)
    values = Preferences(root, who.name).read()
    known = ENGINE | dict.fromkeys(FOLDERS, gallery) | values.model_dump()
    try:
        model = values.model(root)
    except InputError:  # it was deleted: the next request says so
        return known | {"sd_checkpoint_hash": ""}
    return known | {"sd_model_checkpoint": model.title, "sd_checkpoint_hash": model.sha256}


@router.post("/options")
def set_options(changes: Annotated[dict[str, Any], Body()], studio: TheStudio, who: Whoever) -> None:
    """Set some; those without meaning here are passed over, so that all of them may be sent back."""
    Preferences(studio.settings.root, who.name).set(changes)


@router.post("/refresh-checkpoints")
@router.post("/refresh-vae")
@router.post("/refresh-loras")
@router.post("/refresh-embeddings")
def refresh() -> None:
    """Nothing to do: folders are read whenever they are asked for."""


@router.post("/unload-checkpoint")
@router.post("/reload-checkpoint")
def load() -> dict[str, Any]:
    """Nothing to do: a worker loads a model when it is used, and lets it go for the next one."""
    return {}


@router.get("/memory")
def memory() -> dict[str, Any]:
    """Bytes of this computer's memory, where it tells."""
    try:
        page, total, free = (os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    except (AttributeError, ValueError):  # Windows has no such call, and macOS no such number
        return {"ram": {"error": "unavailable"}, "cuda": {"error": "unavailable"}}
    ram = {"free": page * free, "used": page * (total - free), "total": page * total}
    return {"ram": ram, "cuda": {"error": "unavailable"}}


def open_jobs(studio: Studio, user: str) -> list[Job]:
    """A user's jobs that run or wait, oldest first."""
    found = [*studio.store.jobs(user, "running", limit=100), *studio.store.jobs(user, "queued", limit=500)]
    return sorted(found, key=lambda job: job.created)


def _in_hand(studio: Studio, user: str) -> dict[Asked, str]:
    """The user's requests of pictures that are worked on, each with the first of its jobs that runs."""
    running = [job for job in open_jobs(studio, user) if job.kind in KINDS and job.state == "running"]
    return {of(job): job.id for job in reversed(running)}
