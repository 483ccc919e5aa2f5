"""When a waiting job is likely to begin and to end: the queue played through ahead of time.

Each worker takes the job whose turn it is, as `JobStore.claim` would, and is busy with it for as long as jobs of its
sort took of late for each unit of cost. Where none of its sort was ever done nothing is said, nor of the jobs that the
same worker takes after it. Jobs that are yet to come can make a wait longer, and cancelled ones shorter.
"""

import heapq
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

from figment.studio.jobs.fairness import Read
from figment.studio.jobs.job import from_row

__all__ = ["UNKNOWN", "Expected", "Seat", "forecast", "learn"]

MEMORY = 0.8
"""Weight of what was measured before when a job ends: about the last five of a sort count."""
DECISIVE = ("model", "models", "family", "preset", "size", "batch", "step", "upscaler", "preview")
DECISIVE_OPTIONS = ("sampler", "few_steps", "keep_features", "eight_bit")
"""Parameters, and options of drawing, which say how long a unit of cost takes."""


@dataclass(frozen=True)
class Expected:
    """What is likely, in seconds from now; None where nothing is known."""

    begins: float | None = None
    ends: float | None = None


UNKNOWN = Expected()


@dataclass(frozen=True)
class Seat:
    """A worker, by the name under which it holds jobs, and the kinds that it takes."""

    name: str
    kinds: Collection[str]


@dataclass(frozen=True)
class _Waiting:
    id: str
    kind: str
    number: int
    charged: float
    """Cost that its user is still to be charged."""
    seconds: float | None


def learn(database: sqlite3.Connection, job: sqlite3.Row, seconds: float) -> None:
    """Remember that `job`, done in one go, took `seconds`."""
    database.execute(
        "INSERT INTO paces VALUES(?1, ?2, ?3) ON CONFLICT(sort) DO UPDATE SET "
        f"seconds = {MEMORY} * seconds + ?2, cost = {MEMORY} * cost + ?3",
        (_sort(job["kind"], job["parameters"]), seconds, job["cost"]),
    )


def forecast(read: Read, seats: Sequence[Seat], now: float) -> dict[str, Expected]:
    """What is likely of every job that runs or waits, by its id, with the workers `seats`."""
    rows = read("SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY number")
    paces = {row["sort"]: row["seconds"] / row["cost"] for row in read("SELECT * FROM paces WHERE cost > 0")}
    spent: dict[str, float] = {row["user"]: row["spent"] for row in read("SELECT * FROM shares")}
    found: dict[str, Expected] = {}
    busy: dict[str, float] = {}
    waiting: dict[str, list[_Waiting]] = {}
    for row in rows:
        pace = paces.get(_sort(row["kind"], row["parameters"]))
        seconds = None if pace is None else pace * row["cost"]
        if row["state"] == "running":
            left = _left(row, seconds, now)
            found[row["id"]] = Expected(None, left)
            busy[row["worker"]] = max(busy.get(row["worker"], 0.0), inf if left is None else left)
        else:
            charged = row["cost"] if row["fence"] == 0 else 0.0
            one = _Waiting(row["id"], row["kind"], row["number"], charged, seconds)
            waiting.setdefault(row["user"], []).append(one)
    return found | _played(waiting, spent, [(busy.get(seat.name, 0.0), seat.kinds) for seat in seats])


def _left(row: sqlite3.Row, seconds: float | None, now: float) -> float | None:
    """Seconds that a running job still takes: by its own steps, else as its sort did; None for one that is overdue."""
    measured, begun = from_row(row).eta, float(row["started"])
    if measured is not None:
        return max(0.0, measured - (now - float(row["updated"])))
    if seconds is None or row["fence"] > 1 or now > begun + seconds:
        return None
    return begun + seconds - now


def _played(
    waiting: Mapping[str, list[_Waiting]], spent: dict[str, float], seats: Sequence[tuple[float, Collection[str]]]
) -> dict[str, Expected]:
    """Let the seats, each free after some seconds, take all jobs in fair turns."""
    free = [(time, number, kinds) for number, (time, kinds) in enumerate(seats)]
    heapq.heapify(free)
    found: dict[str, Expected] = {}
    while free:
        begins, number, kinds = heapq.heappop(free)
        turns = [(spent.get(user, 0.0), job.number, user, job) for user, job in _heads(waiting, kinds)]
        if not turns:
            continue
        _, _, user, job = min(turns, key=lambda turn: turn[:2])
        waiting[user].remove(job)
        spent[user] = spent.get(user, 0.0) + job.charged
        ends = inf if job.seconds is None else begins + job.seconds
        found[job.id] = Expected(_known(begins), _known(ends))
        heapq.heappush(free, (ends, number, kinds))
    return found


def _heads(waiting: Mapping[str, list[_Waiting]], kinds: Collection[str]) -> list[tuple[str, _Waiting]]:
    """The first job of each user that is of one of `kinds`."""
    firsts = ((user, next((job for job in jobs if job.kind in kinds), None)) for user, jobs in waiting.items())
    return [(user, job) for user, job in firsts if job is not None]


def _known(seconds: float) -> float | None:
    return None if seconds == inf else seconds


@lru_cache(maxsize=1024)
def _sort(kind: str, parameters: str) -> str:
    """Name of the sort of job: those of one sort take alike for a unit of cost."""
    given: dict[str, Any] = json.loads(parameters)
    request, options = (part if isinstance(part, dict) else {} for part in (given.get("request"), given.get("options")))
    said = [given.get(name, request.get(name) if name == "model" else None) for name in DECISIVE]
    return json.dumps([kind, *said, *(options.get(name) for name in DECISIVE_OPTIONS)], ensure_ascii=False)
