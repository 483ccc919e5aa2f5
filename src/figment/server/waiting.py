"""Requests that are answered when their jobs have ended, and end their jobs when nobody waits any more."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import ParamSpec

from anyio import CancelScope
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from figment.server.problems import Problem
from figment.server.studio import Studio
from figment.studio.jobs.job import Job

__all__ = ["LEFT", "ended", "refuse_failed", "stages", "surely"]

LEFT = 499
"""Status that a log shows for a client that did not wait (as nginx has it)."""
LOOK = 0.5
"""Seconds between two looks whether the client is still there."""


P = ParamSpec("P")


async def surely(function: Callable[P, object], *args: P.args, **named: P.kwargs) -> None:
    """Call it in a thread, even where this request is being cancelled because its client left."""
    with CancelScope(shield=True):
        await run_in_threadpool(function, *args, **named)


async def stages(studio: Studio, job: Job, request: Request) -> AsyncIterator[Job]:
    """The job each time that something changed, last of all when it has ended. Raises Problem when the client left."""
    while not job.ended:
        yield job
        await studio.watcher.changed(LOOK)
        if await request.is_disconnected():
            raise Problem(LEFT, "The client left.")
        job = studio.store.get(job.id)
    yield job


async def ended(studio: Studio, jobs: Sequence[Job], request: Request, skipped: set[str]) -> list[Job]:
    """All `jobs` at their end. When one fails or is cancelled, those after it are cancelled, but for one of `skipped`.

    When the client leaves, those that have not ended are cancelled.
    """
    found: list[Job] = []
    try:
        for number, job in enumerate(jobs, 1):
            async for stage in stages(studio, job, request):
                last = stage
            found.append(last)
            if last.state == "failed" or (last.state == "cancelled" and last.id not in skipped):
                for other in jobs[number:]:  # some may be in hand too: they end at their next step
                    await surely(studio.store.cancel, other.id)
    finally:
        for job in jobs[len(found) :]:
            await surely(studio.store.cancel, job.id)
    return found


def refuse_failed(*jobs: Job) -> None:
    """Raise Problem for the first job that failed: 500 where it was no fault of the request."""
    for job in jobs:
        if job.state == "failed":
            ours = job.error.startswith(("This should not happen", "The worker died"))
            raise Problem(500 if ours else 422, job.error)
