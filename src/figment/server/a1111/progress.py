"""How far a request is: /sdapi/v1/progress, and /internal/progress, where the web UI's own page asks."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from figment.server.a1111.asked import Asked, of
from figment.studio.jobs.forecast import UNKNOWN, Expected
from figment.studio.jobs.job import Job

__all__ = ["KINDS", "Course", "course", "internal", "told"]

KINDS = ("create", "enlarge")
"""Jobs that make or enlarge pictures."""
LEAST = 0.01
"""Progress of what has hardly begun; 0 is for nothing to do."""


@dataclass(frozen=True)
class Course:
    """A request on its way."""

    asked: Asked
    job: Job
    """The one in hand, or the first that waits."""
    done: int
    """How many of its jobs are at their end."""
    share: float
    """How much of the request is done, between LEAST and 1."""
    eta: float
    """Seconds that the request is likely still to take; 0 where nothing is known."""

    @property
    def running(self) -> bool:
        return self.job.state == "running"


def course(open: Sequence[Job], expected: Mapping[str, Expected], asked: Asked | None = None) -> Course | None:
    """The request in hand of those whose jobs, oldest first, are `open`, or `asked` for; None when nothing is to do."""
    mine = [job for job in open if job.kind in KINDS and (asked is None or job.id in asked.ids)]
    job = next((job for job in mine if job.state == "running"), next(iter(mine), None))
    if job is None:
        return None
    whole = of(job)
    left = [one for one in mine if one.id in whole.ids]
    done, count = len(whole.ids) - len(left), len(whole.ids)
    share = (done + sum(min(1.0, one.step / one.total) for one in left if one.state == "running" and one.total)) / count
    return Course(whole, job, done, max(LEAST, share), _eta(left, expected))


def _eta(left: Sequence[Job], expected: Mapping[str, Expected]) -> float:
    """By the turns that jobs take, else as the slowest in hand goes, since the jobs of a request are alike."""
    ends = [expected.get(job.id, UNKNOWN).ends for job in left]
    if None not in ends:
        return max(filter(None, ends), default=0.0)
    running = [(job, job.eta) for job in left if job.eta is not None]
    waiting = sum(job.state == "queued" for job in left)
    if not running:
        return 0.0
    job, eta = max(running, key=lambda pair: pair[1])
    return eta + waiting * (job.updated - (job.started or job.updated) + eta)


def told(course: Course | None, folder: Path | None, *, with_picture: bool) -> dict[str, Any]:
    """The answer of /sdapi/v1/progress; previews lie in the job's `folder`. Zeros when there is nothing to do."""
    job = None if course is None or not course.running else course.job
    stopping = job is not None and job.cancelling
    state: dict[str, Any] = {
        "skipped": False,
        "interrupted": stopping,
        "stopping_generation": stopping,
        "job": "" if job is None else job.note,
        "job_count": 0 if course is None else len(course.asked.ids),
        "job_timestamp": "0" if job is None else f"{datetime.fromtimestamp(job.created, UTC):%Y%m%d%H%M%S}",
        "job_no": 0 if course is None else course.done,
        "sampling_step": 0 if job is None else job.step,
        "sampling_steps": 0 if job is None else job.total,
    }
    picture = job.picture(folder) if job is not None and folder is not None and with_picture else None
    return {
        "progress": 0.0 if course is None else course.share,
        "eta_relative": 0.0 if course is None else course.eta,
        "state": state,
        "current_image": None if picture is None else b64encode(picture).decode(),
        "textinfo": None if job is None else job.note,
    }


def internal(
    task: str, course: Course | None, folder: Path | None, before: Sequence[str], ended: Sequence[str], seen: int | None
) -> dict[str, Any]:
    """The answer of /internal/progress on the request called `task`, whose place is that in `before`.

    `seen` is the number of the preview that the client has, None when it wants none.
    """
    active = course is not None and course.running
    queued = course is not None and not active
    answer: dict[str, Any] = {
        "active": active,
        "queued": queued,
        "completed": course is None and task in ended,
        "progress": None,
        "eta": None,
        "live_preview": None,
        "id_live_preview": -1,
        "textinfo": f"In queue: {before.index(task) + 1}/{len(before)}" if queued and task in before else "Waiting...",
    }
    if course is None or not active:
        return answer
    number = int(course.job.preview.rpartition("-")[2].removesuffix(".jpg") or -1) if course.job.preview else -1
    picture = course.job.picture(folder) if folder is not None and seen is not None and number != seen else None
    return answer | {
        "progress": course.share,
        "eta": course.eta,
        "live_preview": None if picture is None else f"data:image/jpeg;base64,{b64encode(picture).decode()}",
        "id_live_preview": number if picture is not None or seen is None else seen,
        "textinfo": course.job.note,
    }
