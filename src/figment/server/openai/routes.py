"""Routes: pictures from a prompt and from a picture, whole or streamed, and the models that make them."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from figment.core.config import explain
from figment.core.errors import InputError
from figment.server.models import Model, default, find, models
from figment.server.openai.answers import completed, event, partial, pictures, whole
from figment.server.openai.bodies import Drawing, Editing
from figment.server.openai.errors import Route, problem
from figment.server.openai.translate import THEIRS, job
from figment.server.pictures import Lent
from figment.server.problems import Problem
from figment.server.studio import Studio, TheStudio, Whoever
from figment.server.waiting import LEFT, ended, refuse_failed, stages, surely
from figment.studio.jobs.job import Job

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=Route)
B = TypeVar("B", bound=Drawing)
MOST_FILES, MOST_FIELDS = 4, 40


@router.post("/images/generations")
async def generations(body: Drawing, studio: TheStudio, who: Whoever, request: Request) -> Response:
    """Pictures from a prompt."""
    return await _answered("image_generation", body, {}, studio, who.name, request)


@router.post("/images/edits")
async def edits(studio: TheStudio, who: Whoever, request: Request) -> Response:
    """Pictures from a picture: in whole, or where the mask is transparent."""
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS) as form:
        body = _read(form)
        files = await _files(form)
    return await _answered("image_edit", body, files, studio, who.name, request)


@router.get("/models")
def list_models(studio: TheStudio) -> dict[str, Any]:
    """Models that make pictures."""
    return {"object": "list", "data": [_model(one) for one in models(studio.settings.root)]}


@router.get("/models/{name:path}")
def get_model(name: str, studio: TheStudio) -> dict[str, Any]:
    """One of them."""
    return _model(_chosen(name, studio))


def _model(one: Model) -> dict[str, Any]:
    created = int(one.path.stat().st_mtime)
    return {"id": one.name, "object": "model", "created": created, "owned_by": "figment"}


def _chosen(name: str | None, studio: Studio) -> Model:
    if not name or name.startswith(THEIRS):
        return default(studio.settings.root)
    try:
        return find(name, studio.settings.root)
    except InputError as error:
        raise Problem(404, str(error)) from None


def _read(form: FormData) -> Editing:
    """The fields of a form. Raises InputError."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        return Editing.model_validate(fields)
    except ValidationError as error:
        raise InputError(explain(error)) from None


async def _files(form: FormData) -> dict[str, bytes]:
    """Picture and mask. Raises InputError for none, and for more than one."""
    images = [one for name in ("image", "image[]") for one in form.getlist(name)]
    masks = form.getlist("mask")
    if len(images) != 1 or len(masks) > 1 or not all(isinstance(one, UploadFile) for one in (*images, *masks)):
        raise InputError("image: one picture, and at most one mask, must be sent as files.")
    named = {"image": images[0], **({"mask": masks[0]} if masks else {})}
    return {name: await one.read() for name, one in named.items() if isinstance(one, UploadFile)}


async def _answered(
    name: str, body: Drawing, files: dict[str, bytes], studio: Studio, user: str, request: Request
) -> Response:
    """Queue what is asked for and answer when it is done, or bit by bit."""
    lent = Lent(studio.places(user), studio.settings.most_uploads)
    streamed = False
    try:
        queued = await run_in_threadpool(_queued, body, files, studio, user, lent)
        if body.stream:
            streamed = True
            told = _told(name, body, queued, studio, request, lent)
            return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        (done,) = await ended(studio, [queued], request, set())
    finally:
        if not streamed:
            await surely(lent.give_back)
    _refuse_unmade(done)
    made = await run_in_threadpool(pictures, done, studio.places(user))
    return JSONResponse(await run_in_threadpool(whole, done, made, body, str(request.base_url)))


def _queued(body: Drawing, files: dict[str, bytes], studio: Studio, user: str, lent: Lent) -> Job:
    model = _chosen(body.model, studio)
    init = lent.picture(files["image"]) if "image" in files else None
    mask = lent.mask(files["mask"], init, clear=True, rounded=False) if init and "mask" in files else None
    return studio.submit("create", job(body, model, init, mask), user)


def _refuse_unmade(job: Job) -> None:
    refuse_failed(job)
    if job.state == "cancelled":
        raise Problem(409, "The request was cancelled.")


async def _told(
    name: str, body: Drawing, queued: Job, studio: Studio, request: Request, lent: Lent
) -> AsyncIterator[str]:
    """Server-sent events: some previews, then each picture, or what went wrong."""
    places, shown, seen, last = studio.places(queued.user), 0, "", queued
    try:
        async for last in stages(studio, queued, request):
            if last.preview == seen or shown >= (body.partial_images or 0):
                continue
            seen, sketch = last.preview, last.picture(places.job(last.id))
            if sketch is not None:
                yield partial(last, name, sketch, shown, body)
                shown += 1
        _refuse_unmade(last)
        for picture in await run_in_threadpool(pictures, last, places):
            yield completed(last, name, picture, body)
    except Problem as error:
        if error.status != LEFT:
            yield event("error", problem(error.status, str(error)))
    finally:
        if not last.ended:
            await surely(studio.store.cancel, last.id)
        await surely(lent.give_back)
