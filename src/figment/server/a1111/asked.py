"""Requests that are being answered, each with its jobs: progress and interrupting are of whole requests."""

import secrets
import string
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from figment.studio.jobs.job import Job

__all__ = ["SKIPPED", "Asked", "asked_for", "ended_of", "of", "pending"]

SKIPPED: set[str] = set()
"""Jobs that were ended by "skip", so that the rest of their requests goes on. An id is never used twice."""
REMEMBERED = 64
"""Requests that are remembered as answered."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    user: str
    task: str
    """By which the client calls it, or "task(txt2img-4F7Q2ZK)"."""
    ids: tuple[str, ...]
    """Its jobs, in their order."""


_open: dict[str, Asked] = {}
_ended: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)


@contextmanager
def asked_for(user: str, jobs: Sequence[Job], what: str, task: str | None = None) -> Iterator[None]:
    """Within it, `jobs` are those of one request."""
    drawn = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(7))
    one = Asked(user, task or f"task({what}-{drawn})", tuple(job.id for job in jobs))
    _open.update(dict.fromkeys(one.ids, one))
    try:
        yield
    finally:
        for id in one.ids:
            del _open[id]
            SKIPPED.discard(id)
        _ended.append((user, one.task))


def of(job: Job) -> Asked:
    """The request that `job` belongs to; one of its own where it came by another interface."""
    return _open.get(job.id) or Asked(job.user, job.id, (job.id,))


def pending(user: str) -> list[Asked]:
    """The requests of a user that are not answered yet, oldest first."""
    return list(dict.fromkeys(one for one in list(_open.values()) if one.user == user))


def ended_of(user: str) -> list[str]:
    """What those were called that were answered of late."""
    return [task for asker, task in list(_ended) if asker == user]
