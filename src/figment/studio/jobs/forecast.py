"""When a waiting job is likely to begin and to end: the queue played through ahead of time.

Each worker takes the job whose turn it is, as `JobStore.claim` would, and is busy with it for as long as jobs of its
sort took of late for each unit of cost. Jobs that are done together share their worker. Where none of its sort was ever
done nothing is said of a job's end, nor of what waits for it. Jobs that are yet to come can make a wait longer, and
cancelled ones shorter.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from sqlite3 import Row

from figment.studio.jobs.fairness import SEATS, Read
from figment.studio.jobs.job import from_row
from figment.studio.jobs.paces import Pace, Span, paces, sort_of, spans, worked

__all__ = ["UNKNOWN", "Expected", "Seat", "forecast"]

NOTHING = 1e-6
"""Seconds that are as good as none."""


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


@dataclass
class _Load:
    """A job, and the seconds of a worker that it still takes."""

    row: Row
    left: float
    company: str | None
    """What it shares with those that are done together with it; None for a job alone."""
    begins: float | None = None


@dataclass
class _Desk:
    """A worker with what it does, and one that it holds until that is done."""

    kinds: Collection[str]
    seated: list[_Load] = field(default_factory=list)
    held: _Load | None = None

    def put(self, load: _Load, now: float) -> None:
        """Take a job, or hold it where it does not go together with the others."""
        if self.seated and (load.company is None or load.company != self.seated[0].company):
            self.held = load
        else:
            load.begins = now
            self.seated.append(load)

    @property
    def next(self) -> float:
        """Seconds until one of its jobs ends."""
        return min(load.left for load in self.seated) * len(self.seated) if self.seated else inf

    def work(self, seconds: float) -> list[_Load]:
        """Those that end within so many seconds."""
        for load in self.seated:
            load.left -= seconds / len(self.seated)
        ended = [load for load in self.seated if load.left <= NOTHING]
        self.seated = [load for load in self.seated if load.left > NOTHING]
        return ended


def forecast(read: Read, seats: Sequence[Seat], now: float) -> dict[str, Expected]:
    """What is likely of every job that runs or waits, by its id, with the workers `seats`."""
    rows = read("SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY number")
    known = paces(read)
    spent: dict[str, float] = {row["user"]: row["spent"] for row in read("SELECT * FROM shares")}
    desks = {seat.name: _Desk(seat.kinds) for seat in seats}
    waiting: dict[str, list[_Load]] = {}
    running = [row for row in rows if row["state"] == "running" and row["worker"] in desks]
    at_work = Counter(row["worker"] for row in running if row["first_at"] is not None)
    around = {name: spans(read, name, now - 1, now) for name in at_work}
    for row in running:
        load = _load(row, known)
        others = [span for id, span in around.get(row["worker"], {}).items() if id != row["id"]]
        load.left = _left(row, load.left, others, at_work[row["worker"]], now)
        desks[row["worker"]].put(load, 0.0)
    for row in rows:
        if row["state"] == "queued":
            waiting.setdefault(row["user"], []).append(_load(row, known))
    return _played(waiting, spent, list(desks.values()))


def _load(row: Row, known: Mapping[str, Pace]) -> _Load:
    sort, model = sort_of(row["kind"], row["parameters"])
    pace = known.get(sort)
    seconds = inf if pace is None else pace.seconds * row["cost"]
    return _Load(row, seconds, model if pace is not None and pace.together else None)


def _left(row: Row, seconds: float, others: Sequence[Span], company: int, now: float) -> float:
    """Of a running job: by its own steps, done beside others, else as its sort took; inf where it is overdue."""
    job = from_row(row)
    if job.eta is not None:
        return max(0.0, job.eta - (now - job.updated)) / max(1, company)
    done, _ = worked(Span(row["started"], row["first_at"], now), others)
    return inf if job.fence > 1 or done > seconds else max(0.0, seconds - done)


def _played(waiting: Mapping[str, list[_Load]], spent: dict[str, float], desks: Sequence[_Desk]) -> dict[str, Expected]:
    """Let the workers do all jobs in fair turns."""
    now, found = 0.0, dict[str, Expected]()
    while True:
        for desk in desks:
            while _taken(desk, waiting, spent, now):
                pass
        step = min((desk.next for desk in desks), default=inf)
        if step == inf:
            break
        now += step
        for load in [load for desk in desks for load in desk.work(step)]:
            found[load.row["id"]] = _expected(load, now)
    left = [load for desk in desks for load in (*desk.seated, *filter(None, [desk.held]))]
    return found | {load.row["id"]: _expected(load, None) for load in left}


def _taken(desk: _Desk, waiting: Mapping[str, list[_Load]], spent: dict[str, float], now: float) -> bool:
    """Whether a worker takes another job now: that of the user who was given least, of those with room for more."""
    if desk.held is not None:
        load, desk.held = desk.held, None
        desk.put(load, now)
        return desk.held is None
    free = SEATS - len(desk.seated)
    if not free or (desk.seated and desk.seated[0].company is None):
        return False
    seats = Counter(load.row["user"] for load in desk.seated)
    asked = [jobs for user, jobs in waiting.items() if seats[user] < free]
    firsts = [next((job for job in jobs if job.row["kind"] in desk.kinds), None) for jobs in asked]
    found = [job for job in firsts if job is not None]
    if not found:
        return False
    load = min(found, key=lambda job: (spent.get(job.row["user"], 0.0), job.row["number"]))
    user = load.row["user"]
    waiting[user].remove(load)
    spent[user] = spent.get(user, 0.0) + (load.row["cost"] if load.row["fence"] == 0 else 0.0)
    desk.put(load, now)
    return desk.held is None


def _expected(load: _Load, ends: float | None) -> Expected:
    return Expected(None if load.row["state"] == "running" else load.begins, ends)
