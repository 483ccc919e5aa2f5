"""The studio's own interface: jobs, kinds of jobs, accounts."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from figment import __version__
from figment.core.config import config, schema
from figment.core.errors import InputError
from figment.server.access import COOKIE
from figment.server.accounts import Account, Role
from figment.server.events import stream
from figment.server.problems import Problem
from figment.server.studio import Administrator, Studio, TheStudio, Whoever
from figment.studio.jobs import kinds
from figment.studio.jobs.forecast import UNKNOWN, Expected
from figment.studio.jobs.job import Job, State

__all__ = ["JobView", "router", "view"]

router = APIRouter(prefix="/api")


@dataclass(frozen=True)
class JobView:
    """A job as its user sees it."""

    id: str
    kind: str
    parameters: dict[str, Any]
    user: str
    state: State
    cancelling: bool
    """Whether it stops at its next step."""
    step: int
    total: int
    note: str
    warning: str
    metrics: dict[str, float | None]
    preview: str
    """Path of the newest preview while the job runs; else empty."""
    result: dict[str, Any] | None
    """"files" lists what was made, by path and settings."""
    error: str
    created: float
    started: float | None
    updated: float
    finished: float | None
    begins_in: float | None
    """Seconds until it is likely to begin, while it waits, going by its turn and by how long such jobs took; null where
    none of its sort, or of one before it, was done yet."""
    eta: float | None
    """Seconds until it is likely to end, by its own steps once they are measured; null where nothing is known."""


@config
class Asked:
    """A job to be done."""

    kind: Annotated[str, Field(max_length=40)]
    """Name of the kind; /api/kinds lists them with the parameters of each."""
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Health:
    status: str
    version: str
    workers: bool
    """Whether all workers run."""


def view(job: Job, expected: Expected = UNKNOWN) -> JobView:
    """What is shown of `job`; figures that are no numbers, such as a loss that ran away, are null."""
    shown = {name: getattr(job, name) for name in JobView.__dataclass_fields__ if name != "begins_in"}
    shown |= {"begins_in": expected.begins, "eta": expected.ends if job.eta is None else job.eta}
    metrics = {name: value if math.isfinite(value) else None for name, value in job.metrics.items()}
    preview = f"/api/jobs/{job.id}/preview?of={job.preview}" if job.preview and not job.ended else ""
    return JobView(**shown | {"metrics": metrics, "preview": preview})


def _viewed(studio: Studio, jobs: Sequence[Job]) -> list[JobView]:
    """The same of several, with what is likely of those that have not ended."""
    open = any(not job.ended and job.eta is None for job in jobs)
    expected = studio.forecast() if open else {}
    return [view(job, expected.get(job.id, UNKNOWN)) for job in jobs]


def _one(studio: Studio, job: Job) -> JobView:
    return _viewed(studio, [job])[0]


@router.get("/health")
async def health(studio: TheStudio) -> Health:
    """Whether the server works; needs no key."""
    running = studio.supervisor is not None and studio.supervisor.alive
    return Health("ok", __version__, running)


@router.get("/kinds")
async def list_kinds() -> dict[str, dict[str, Any]]:
    """JSON schemas of the parameters of every kind of job."""
    return {name: schema(kinds.kind(name).Parameters) for name in kinds.names()}


@router.post("/jobs", status_code=202)
def submit(
    asked: Asked,
    studio: TheStudio,
    who: Whoever,
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> JobView:
    """Queue a job. The same Idempotency-Key queues it once; 429 with Retry-After says that the queue is full."""
    job = studio.submit(asked.kind, asked.parameters, who.name, idempotency_key)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return _one(studio, job)


@router.get("/jobs")
async def list_jobs(
    studio: TheStudio,
    who: Whoever,
    state: State | None = None,
    before: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    kind: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Query(max_length=20)] = (),
    everyone: bool = False,
) -> list[JobView]:
    """Jobs, newest first; those before the job `before`, of each `kind` named. An administrator may see everyone's."""
    if everyone and who.role != "admin":
        raise Problem(403, "Only administrators see the jobs of everyone.")
    return _viewed(studio, studio.store.jobs(None if everyone else who.name, state, before, limit, kind))


@router.get("/jobs/{id}")
async def get_job(id: str, studio: TheStudio, who: Whoever) -> JobView:
    """One job as it is now."""
    return _one(studio, studio.store.get(id, who.name))


@router.delete("/jobs/{id}")
def cancel(id: str, studio: TheStudio, who: Whoever) -> JobView:
    """Cancel a job: one that waits at once, a running one at its next step. What it made so far is kept."""
    return _one(studio, studio.store.cancel(id, None if who.role == "admin" else who.name))


@router.get("/jobs/{id}/points")
async def points(id: str, studio: TheStudio, who: Whoever) -> list[tuple[int, dict[str, float | None]]]:
    """Steps and figures of a job's curves, thinned to some hundreds."""
    studio.store.get(id, who.name)
    return [
        (step, {name: value if math.isfinite(value) else None for name, value in figures.items()})
        for step, figures in studio.store.points(id)
    ]


@router.get("/jobs/{id}/preview", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def preview(id: str, studio: TheStudio, who: Whoever) -> Response:
    """The newest preview, a JPEG."""
    picture = studio.store.get(id, who.name).picture(studio.places(who.name).job(id))
    if picture is None:
        raise Problem(404, "There is no preview of this job yet.")
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.get("/events", response_class=StreamingResponse)
async def events(
    studio: TheStudio,
    who: Whoever,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
    after: Annotated[int | None, Query(ge=0)] = None,
    job: Annotated[str | None, Query(max_length=80)] = None,
) -> StreamingResponse:
    """Server-sent events: "queued", "running", "progress", "done", "failed" and "cancelled", each with the job as data.

    They begin after the event `after` or the header Last-Event-ID, else now; those of one `job` from its beginning.
    """
    if job is not None:
        studio.store.get(job, who.name)
    start = 0 if job is not None else studio.store.last_event
    begin = next((number for number in (last_event_id, after) if number is not None), start)

    def shown(jobs: Sequence[Job]) -> list[dict[str, Any]]:
        return [asdict(one) for one in _viewed(studio, jobs)]

    told = stream(studio.watcher, begin, shown, user=who.name, job=job)
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/me")
async def me(who: Whoever) -> Account:
    """Whose key this is."""
    return who


@router.post("/login")
async def login(
    key: Annotated[str, Body(embed=True, max_length=200)], studio: TheStudio, response: Response
) -> Account:
    """Keep the key in a cookie that scripts cannot read, for the page."""
    account = studio.accounts.who(key)
    if account is None:
        raise Problem(401, "This key is not known.")
    if not set(key) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"):
        raise InputError("A key that goes into a cookie has letters, digits, - and _ alone.")
    _remember(response, key)
    return account


def _remember(response: Response, key: str) -> None:
    """Keep `key` in the visitor's cookie."""
    response.set_cookie(COOKIE, key, max_age=30 * 86400, httponly=True, samesite="strict")


@router.post("/logout", status_code=204)
async def logout(response: Response) -> None:
    """Forget the cookie."""
    response.delete_cookie(COOKIE)


@router.get("/accounts")
async def list_accounts(studio: TheStudio, who: Administrator) -> list[Account]:
    """Everyone with a key."""
    return studio.accounts.all()


@router.post("/accounts", status_code=201)
def add_account(
    name: Annotated[str, Body(max_length=80)], role: Annotated[Role, Body()], studio: TheStudio, who: Administrator
) -> dict[str, str]:
    """Make an account; its key is told this once."""
    return {"name": name, "role": role, "key": studio.accounts.add(name, role)}


@router.post("/accounts/{name}/key")
def renew_key(name: str, studio: TheStudio, who: Whoever, response: Response) -> dict[str, str]:
    """A new key in place of an account's old one, told this once; for oneself and for administrators."""
    if who.role != "admin" and who.name != name:
        raise Problem(403, "Only administrators make keys of others.")
    key = studio.accounts.renew(name)
    if who.name == name:
        _remember(response, key)
    return {"name": name, "key": key}


@router.delete("/accounts/{name}", status_code=204)
def remove_account(name: str, studio: TheStudio, who: Administrator) -> None:
    """End an account; its files stay."""
    studio.accounts.remove(name)
