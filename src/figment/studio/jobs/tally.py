"""Jobs that ended, counted by kind, state and how long they took: for good, also those that are forgotten since."""

import sqlite3
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from figment.studio.jobs.fairness import Read
from figment.studio.jobs.job import State

__all__ = ["BOUNDS", "Tally", "count", "tallies"]

BOUNDS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, inf)
"""Seconds up to which a job belongs to each class of durations."""
NEVER = -1
"""Class of the jobs that ended without having begun."""


@dataclass(frozen=True)
class Tally:
    """Jobs of one kind that came to one end."""

    jobs: int
    """All of them."""
    seconds: float
    """That those took in all that had begun."""
    classes: tuple[int, ...]
    """How many of those took at most as long as each of BOUNDS, and longer than the one before."""


def count(database: sqlite3.Connection, job: sqlite3.Row, state: State, now: float) -> None:
    """Count a job that comes to its end now; `job` is its row, `started` being None for one that never began."""
    seconds = 0.0 if job["started"] is None else max(0.0, now - job["started"])
    which = NEVER if job["started"] is None else bisect_left(BOUNDS, seconds)
    database.execute(
        "INSERT INTO tallies VALUES(?1, ?2, ?3, 1, ?4) ON CONFLICT(kind, state, class) DO UPDATE SET "
        "jobs = jobs + 1, seconds = seconds + ?4",
        (job["kind"], state, which, seconds),
    )


def tallies(read: Read) -> Mapping[tuple[str, str], Tally]:
    """All that was counted, by kind and state."""
    found: dict[tuple[str, str], Tally] = {}
    for row in read("SELECT * FROM tallies ORDER BY kind, state"):
        key = row["kind"], row["state"]
        before = found.get(key, Tally(0, 0.0, (0,) * len(BOUNDS)))
        classes = tuple(n + row["jobs"] * (row["class"] == place) for place, n in enumerate(before.classes))
        found[key] = Tally(before.jobs + row["jobs"], before.seconds + row["seconds"], classes)
    return found
