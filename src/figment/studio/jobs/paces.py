"""How long jobs really took, by their sort: seconds of a worker for each unit of cost."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from figment.studio.jobs.fairness import Read

__all__ = ["Pace", "Span", "learn", "paces", "sort_of", "spans", "worked"]

MEMORY = 0.8
"""Weight of what was measured before when a job ends: about the last five of a sort count."""
DECISIVE = ("model", "models", "family", "preset", "size", "batch", "step", "upscaler", "preview", "reproducible")
DECISIVE_OPTIONS = ("sampler", "few_steps", "keep_features", "eight_bit")
"""Parameters, and options of drawing, which say how long a unit of cost takes."""


@dataclass(frozen=True)
class Pace:
    """Of a sort of job."""

    seconds: float
    """Of a worker that does nothing else, for a unit of cost."""
    together: bool
    """Whether such jobs were seen to be done together by one worker, which are those of one model."""


@dataclass(frozen=True)
class Span:
    """When a worker had a job."""

    started: float
    first: float | None
    """When it first told how far it is: from then on it is worked on."""
    ended: float


def paces(read: Read) -> dict[str, Pace]:
    """What is known, by sort."""
    rows = read("SELECT * FROM speeds WHERE cost > 0")
    return {row["sort"]: Pace(row["seconds"] / row["cost"], bool(row["together"])) for row in rows}


def spans(read: Read, worker: str, since: float, now: float) -> dict[str, Span]:
    """All jobs by id that the worker had since then."""
    rows = read(
        "SELECT id, started, first_at, finished FROM jobs WHERE worker = ?1 AND started NOT NULL AND "
        "(finished IS NULL OR finished > ?2)", worker, since
    )  # fmt: skip
    return {row["id"]: Span(row["started"], row["first_at"], row["finished"] or now) for row in rows}


def worked(own: Span, others: Sequence[Span]) -> tuple[float, bool]:
    """Seconds that a worker spent on one job, and whether it did others meanwhile.

    Those who are done together have each second in equal parts. What a job waited for those before it is not its own.
    """
    first = own.ended if own.first is None else own.first
    begun = max([own.started, *(one.ended for one in others if own.started < one.ended <= first)])
    beside = [(max(one.first, begun), one.ended) for one in others if one.first is not None and one.ended > begun]
    beside = [(start, min(end, own.ended)) for start, end in beside if start < own.ended]
    times = sorted({begun, own.ended, *(time for span in beside for time in span)})
    shared = (
        (after - before) / (1 + sum(start <= before < end for start, end in beside))
        for before, after in pairwise(times)
    )
    return sum(shared), own.first is not None and any(end > max(start, own.first) for start, end in beside)


def learn(database: sqlite3.Connection, job: sqlite3.Row, now: float) -> None:
    """Remember how long `job` took, which was done in one go and has just ended."""
    around = spans(
        lambda query, *values: database.execute(query, values).fetchall(), job["worker"], job["started"], now
    )
    around.pop(job["id"], None)
    seconds, together = worked(Span(job["started"], job["first_at"], now), list(around.values()))
    database.execute(
        "INSERT INTO speeds VALUES(?1, ?2, ?3, ?4) ON CONFLICT(sort) DO UPDATE SET "
        f"seconds = {MEMORY} * seconds + ?2, cost = {MEMORY} * cost + ?3, together = max(together, ?4)",
        (sort_of(job["kind"], job["parameters"])[0], seconds, job["cost"], together),
    )


@lru_cache(maxsize=1024)
def sort_of(kind: str, parameters: str) -> tuple[str, str]:
    """Name of the sort of a job, whose jobs take alike for a unit of cost, and of the model that it needs."""
    given: dict[str, Any] = json.loads(parameters)
    request, options = (part if isinstance(part, dict) else {} for part in (given.get("request"), given.get("options")))
    model = given.get("model", request.get("model"))
    said = [*(given.get(name) for name in DECISIVE), *(options.get(name) for name in DECISIVE_OPTIONS)]
    return json.dumps([kind, model, *said], ensure_ascii=False), json.dumps([kind, model])
