"""What a job is, and what can be wrong with one.

A job goes queued -> running -> done, failed or cancelled; a running one whose worker died is queued again.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from figment.core.errors import FigmentError, InputError

__all__ = ["ENDED", "STATES", "Event", "Job", "LeaseLost", "NoSuchJob", "QueueFull", "State"]

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")


class QueueFull(FigmentError):
    """No more jobs can be taken now."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which there is likely to be room."""


class LeaseLost(FigmentError):
    """The job is another worker's by now, or has ended: what this worker has to say about it no longer counts."""


class NoSuchJob(InputError):
    """No job has this id, or it belongs to someone else."""


@dataclass(frozen=True)
class Job:
    """One job as it stood when it was read."""

    id: str
    """Unique for ever: the time of submission (UTC) and 12 random digits, "20261125T124501-5f0c9a31be27"."""
    kind: str
    parameters: Mapping[str, Any]
    user: str
    cost: float
    """Expected work, in units of which only the ratio counts."""
    state: State
    fence: int
    """How often a worker has taken it: the number that the worker must show to write."""
    cancelling: bool
    """Whether it is to stop at its next step."""
    crashes: int
    """How often in a row a worker died with it without getting further than before."""
    step: int
    total: int
    note: str
    warning: str
    metrics: Mapping[str, float]
    preview: str
    """Name of the newest preview in the job's folder; empty when there is none."""
    plan: Mapping[str, str] | None
    """Where the files that were made go; set once, when the work itself is done."""
    outcome: Mapping[str, Any] | None
    """The result that goes with `plan`."""
    result: Mapping[str, Any] | None
    error: str
    created: float
    """Seconds since 1970, as all times here."""
    started: float | None
    updated: float
    finished: float | None
    eta: float | None
    """Seconds it will still take, from the steps measured so far; None before there are two."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def picture(self, folder: Path) -> bytes | None:
        """The preview, from the job's `folder`; None when there is none, or a newer one has taken its place."""
        try:
            return (folder / self.preview).read_bytes() if self.preview else None
        except FileNotFoundError:
            return None


@dataclass(frozen=True)
class Event:
    """Something happened to a job."""

    number: int
    """Rises by time; never used twice."""
    what: str
    """The state that the job came into, or "progress"."""
    job: Job
    """As it is by now."""


def from_row(row: sqlite3.Row) -> Job:
    """The job of a row of the table `jobs`."""
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    read: dict[str, Any] = {name: None if row[name] is None else json.loads(row[name]) for name in _JSON}
    return Job(**plain, **read, cancelling=bool(row["cancelling"]), eta=_eta(row))


def _eta(row: sqlite3.Row) -> float | None:
    done = row["step"] - (row["first_step"] or 0)
    if row["state"] != "running" or row["first_at"] is None or done <= 0 or row["total"] <= 0:
        return None
    return float((row["updated"] - row["first_at"]) / done * max(0, row["total"] - row["step"]))


_JSON = ("parameters", "metrics", "plan", "outcome", "result")
_PLAIN = tuple(name for name in Job.__dataclass_fields__ if name not in (*_JSON, "cancelling", "eta"))
