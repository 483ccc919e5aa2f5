"""Routes that make pictures larger ("Extras")."""

from base64 import b64encode
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from figment.core.errors import InputError
from figment.server.a1111.answers import files
from figment.server.a1111.asked import asked_for
from figment.server.a1111.bodies import Enlarging, EnlargingMany
from figment.server.a1111.preferences import Preferences, Values
from figment.server.pictures import Lent, decoded
from figment.server.problems import Problem
from figment.server.studio import Studio, TheStudio, Whoever
from figment.server.waiting import ended, refuse_failed, surely
from figment.studio.jobs.job import Job

__all__ = ["parameters", "router"]

router = APIRouter()
NONE = "None"


@router.post("/extra-single-image")
async def extra_single_image(body: Enlarging, studio: TheStudio, who: Whoever, request: Request) -> dict[str, Any]:
    """One picture made larger."""
    (image,) = await _enlarged(body, [body.image], studio, who.name, request)
    return {"html_info": "", "image": image}


@router.post("/extra-batch-images")
async def extra_batch_images(body: EnlargingMany, studio: TheStudio, who: Whoever, request: Request) -> dict[str, Any]:
    """Several pictures made larger."""
    images = await _enlarged(body, [one.data for one in body.imageList], studio, who.name, request)
    return {"html_info": "", "images": images}


async def _enlarged(body: Enlarging, images: list[str], studio: Studio, user: str, request: Request) -> list[str]:
    lent = Lent(studio.places(user), studio.settings.most_uploads)
    try:
        queued = await run_in_threadpool(_queued, body, images, studio, user, lent)
        with asked_for(user, queued, "extras"):
            done = await ended(studio, queued, request, set())
    finally:
        await surely(lent.give_back)
    refuse_failed(*done)
    made = await run_in_threadpool(files, done, studio.places(user))
    if len(made) < len(images):
        raise Problem(409, "The request was interrupted.")
    return [b64encode(content).decode() for content, _ in made]


def _queued(body: Enlarging, images: list[str], studio: Studio, user: str, lent: Lent) -> list[Job]:
    queued: list[Job] = []
    values = Preferences(studio.settings.root, user).read()
    names = [lent.picture(decoded(image)) for image in images]
    try:
        for name in names:
            queued.append(studio.submit("enlarge", parameters(body, name, values), user))
    except BaseException:
        for job in queued:
            studio.store.cancel(job.id)
        raise
    return queued


def parameters(body: Enlarging, name: str, values: Values) -> dict[str, Any]:
    """Parameters of the "enlarge" job of the user's file `name`, under the options `values`.

    Raises InputError for what cannot be honoured.
    """
    if body.gfpgan_visibility or body.codeformer_visibility:
        raise InputError("gfpgan_visibility: there is no network here that restores faces; leave it at 0.")
    mixed = body.upscaler_2 != NONE and body.extras_upscaler_2_visibility > 0
    plain = body.upscaler_1 == NONE  # then AUTOMATIC1111 leaves the picture as large as it is
    return {
        "file": name,
        "by": 1.0 if plain else body.upscaling_resize,
        "fill": f"{body.upscaling_resize_w}x{body.upscaling_resize_h}" if body.resize_mode == 1 and not plain else "",
        "cut": body.upscaling_crop,
        "upscaler": "Lanczos" if plain else body.upscaler_1,
        "second": body.upscaler_2 if mixed else "Lanczos",
        "share": body.extras_upscaler_2_visibility if mixed else 0.0,
        "format": values.format,
    }
