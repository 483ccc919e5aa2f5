"""What happens to jobs, told to many at once: one look at the file for all who watch, whichever process wrote."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from figment.studio.jobs.job import Job
from figment.studio.jobs.store import JobStore

__all__ = ["Watcher", "stream"]

LOOK = 0.05
"""Seconds between two looks."""
ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that nobody in between hangs up."""


class Watcher:
    """Notices that something changed, and wakes all who wait for that."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self._change = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        version = -1
        while True:
            await asyncio.sleep(LOOK)
            if (now := self.store.version) != version:
                version = now
                self._change.set()
                self._change = asyncio.Event()

    async def changed(self, timeout: float) -> bool:
        """Whether anything changed, waited for `timeout` seconds at most."""
        try:
            await asyncio.wait_for(self._change.wait(), timeout)
        except TimeoutError:
            return False
        return True

    async def ended(self, id: str, timeout: float) -> Job:
        """The job once it has ended, or as it is after `timeout` seconds. Raises NoSuchJob."""
        until = time.monotonic() + timeout
        while not (job := self.store.get(id)).ended and (left := until - time.monotonic()) > 0:
            await self.changed(min(left, 1.0))
        return job


async def stream(
    watcher: Watcher,
    after: int,
    view: Callable[[Sequence[Job]], Sequence[Any]],
    *,
    user: str | None = None,
    job: str | None = None,
) -> AsyncIterator[str]:
    """Server-sent events (HTML Living Standard, 9.2) since event `after`: of one `job`, until it ends, or of all.

    Each has the job as data, as `view` shows it, and a number with which a reader that was cut off goes on.
    """
    yield "retry: 1000\n\n"
    while True:
        happened = watcher.store.events(after, job, user)
        for event, shown in zip(happened, view([event.job for event in happened]), strict=True):
            after = event.number
            data = json.dumps(shown, ensure_ascii=False)
            yield f"id: {event.number}\nevent: {event.what}\ndata: {data}\n\n"
        if job is not None and watcher.store.get(job).ended and not watcher.store.events(after, job, user):
            return
        if not happened and not await watcher.changed(ALIVE):
            yield ": still here\n\n"
