"""Routes that make something: pictures from prompts and pictures, and what a picture says of itself."""

from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from figment.core.errors import InputError
from figment.pixels.files import read_text
from figment.server.a1111 import control, extras, lists
from figment.server.a1111.answers import drawn, files
from figment.server.a1111.asked import SKIPPED, asked_for
from figment.server.a1111.bodies import Drawing, FromPicture, FromPrompt, Interrogating, OnePicture
from figment.server.a1111.methods import ENLARGERS, LATENT
from figment.server.a1111.preferences import Preferences, changed
from figment.server.a1111.texts import filled, styled, styles
from figment.server.a1111.translate import Around, jobs
from figment.server.pictures import Lent, decoded
from figment.server.problems import Problem
from figment.server.studio import Studio, TheStudio, Whoever
from figment.server.waiting import ended, refuse_failed, surely
from figment.studio import parameters as settings_text
from figment.studio.drop_in import What, dropped
from figment.studio.jobs.job import Job

__all__ = ["router"]

router = APIRouter(prefix="/sdapi/v1")
B = TypeVar("B", bound=Drawing)


@router.post("/txt2img")
async def txt2img(body: FromPrompt, studio: TheStudio, who: Whoever, request: Request) -> dict[str, Any]:
    """Pictures from a prompt."""
    return await _drawn(body, studio, who.name, request)


@router.post("/img2img")
async def img2img(body: FromPicture, studio: TheStudio, who: Whoever, request: Request) -> dict[str, Any]:
    """Pictures from pictures, in whole or under a mask."""
    if not body.init_images:
        raise Problem(404, "Init image not found")
    return await _drawn(body, studio, who.name, request)


@router.post("/png-info")
def png_info(body: OnePicture, studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """How a picture was made, as written in it; no program's word is taken for it."""
    lent = Lent(studio.places(who.name), studio.settings.most_uploads)
    try:
        text = read_text(studio.places(who.name).file(lent.picture(decoded(body.image))))
    finally:
        lent.give_back()
    return {"info": text, "items": {"parameters": text} if text else {}, "parameters": _parsed(text)}


@router.post("/interrogate")
def interrogate(body: Interrogating) -> None:
    """What a picture shows, which takes a network that is not here."""
    raise Problem(404, "Image not found" if not body.image else "Model not found")


@router.post("/create/{what}")
@router.post("/train/{what}")
def trained(what: Literal["embedding", "hypernetwork"], request: Request) -> dict[str, str]:
    """Embeddings and hypernetworks are used here and not trained; the refusal has AUTOMATIC1111's form."""
    verb = request.url.path.split("/")[-2]
    return {"info": f"{verb} {what} error: this server does not train {what}s"}


def _parsed(text: str) -> dict[str, Any]:
    try:
        said = settings_text.read(text)
    except InputError:
        return {}
    size = {"Size-1": said.width, "Size-2": said.height}
    named = {"Prompt": said.prompt, "Negative prompt": said.negative, "Sampler": said.sampler, "Model": said.model}
    numbers = {"Steps": said.steps, "CFG scale": said.guidance, "Seed": said.seed, "Schedule type": said.schedule}
    return {**named, **numbers, **size, **said.extra}


async def _drawn(body: B, studio: Studio, user: str, request: Request) -> dict[str, Any]:
    """Queue what is asked for, wait for it and answer with what it made."""
    lent = Lent(studio.places(user), studio.settings.most_uploads)
    what = "img2img" if isinstance(body, FromPicture) else "txt2img"
    try:
        queued = await run_in_threadpool(_queued, body, studio, user, lent)
        with asked_for(user, queued, what, body.force_task_id):
            done = await ended(studio, queued, request, SKIPPED)
    finally:
        await surely(lent.give_back)
    refuse_failed(*done)
    made = await run_in_threadpool(files, done, studio.places(user))
    return await run_in_threadpool(drawn, made, body, _echo(body))


def _queued(body: B, studio: Studio, user: str, lent: Lent) -> list[Job]:
    root, preferences = studio.settings.root, Preferences(studio.settings.root, user)
    body = styled(filled(body), styles(root))
    values = changed(preferences.read(), body.override_settings or {}, root)
    if body.override_settings and not body.override_settings_restore_afterwards:
        preferences.set(body.override_settings)
    upscalers = [*LATENT, *ENLARGERS, *(one.name for one in dropped(What.UPSCALER, root))]
    around = Around(values, values.model(root), upscalers)
    inits, mask = _pictures(body, lent)
    queued: list[Job] = []
    try:
        for parameters in jobs(body, around, inits, mask):
            queued.append(studio.submit("create", parameters, user))
    except BaseException:
        for job in queued:
            studio.store.cancel(job.id)
        raise
    return queued


def _pictures(body: Drawing, lent: Lent) -> tuple[list[str], str | None]:
    if not isinstance(body, FromPicture) or not body.init_images:
        return [], None
    inits = [lent.picture(decoded(one)) for one in body.init_images]
    if not body.mask:
        return inits, None
    return inits, lent.mask(decoded(body.mask), inits[0], clear=False, rounded=body.mask_round)


def _echo(body: Drawing) -> dict[str, Any]:
    """The request as it came, without its pictures unless they are asked for."""
    hidden = isinstance(body, FromPicture) and not body.include_init_images
    plain = body.model_dump(mode="json")
    return plain | ({"init_images": None, "mask": None} if hidden else {})


router.include_router(extras.router)
router.include_router(control.router)
router.include_router(lists.router)
