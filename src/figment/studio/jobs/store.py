"""The queue of jobs on disk: leases with a fence, fair shares between users, and events for whoever watches.

A worker holds a job under a lease that it must renew. When the lease runs out the job is queued again, and the fence,
a number that rises with every claim, keeps the old worker from writing, should it wake up (Kleppmann 2016, "How to do
distributed locking"). Users take turns: see `fairness`.
"""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from figment.core.errors import InputError
from figment.core.task import Progress
from figment.studio.jobs.database import Database
from figment.studio.jobs.fairness import Read, activate, admit, after_death, charge
from figment.studio.jobs.forecast import Expected, Seat, forecast
from figment.studio.jobs.job import ENDED, Event, Job, LeaseLost, NoSuchJob, State, from_row
from figment.studio.jobs.paces import learn
from figment.studio.jobs.tally import Tally, count, tallies

__all__ = ["JobStore"]

POINTS = 500
"""Points of a job's curves that are kept, at most about."""

FRESH = 1.0
"""Seconds for which a forecast is told again while nothing is written."""
SLOW, REST = 0.005, 20
"""Seconds from which on a forecast is slow, and for how many times as long as it took it is then told again anyhow."""


@dataclass(frozen=True)
class _Forecast:
    """What was told last."""

    known: object
    """Changes with all that it was made from."""
    made: float
    took: float
    expected: Mapping[str, Expected]


class JobStore:
    """The jobs of one folder. Any number of processes and threads may use the same file at once."""

    def __init__(self, path: Path, *, capacity: int = 256, per_user: int = 64) -> None:
        """Open or make the file `path`; `capacity` jobs may be queued, `per_user` of one user."""
        self.capacity, self.per_user = capacity, per_user
        self._database = Database(path)
        self._forecast: _Forecast | None = None
        self._forecasting = threading.Lock()

    def submit(
        self,
        kind: str,
        parameters: Mapping[str, Any],
        user: str = "local",
        key: str | None = None,
        cost: float = 1.0,
    ) -> Job:
        """Queue a job. With the `key` of an earlier one of the same user, that one is returned and nothing queued.

        Raises QueueFull, and InputError for a key that stood for something else.
        """
        now, content = time.time(), json.dumps(parameters, ensure_ascii=False, sort_keys=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"
        with self._database.write() as database:
            earlier = database.execute("SELECT * FROM jobs WHERE user = ? AND key = ?", (user, key)).fetchone()
            if earlier is not None:
                return _same(earlier, kind, content)
            admit(_reading(database), user, self.capacity, self.per_user)
            activate(database, user)
            row = database.execute(
                "INSERT INTO jobs(id, kind, parameters, user, key, cost, created, updated) VALUES(?,?,?,?,?,?,?,?) "
                "RETURNING *",
                (name, kind, content, user, key, cost, now, now),
            ).fetchone()
            _tell(database, name, "queued")
            return from_row(row)

    def check_room(self, user: str = "local", key: str | None = None) -> None:
        """Raise QueueFull where `submit` would, at the cost of a look: many ask when it is full."""
        if not self._database.read("SELECT 1 FROM jobs WHERE user = ? AND key = ?", user, key):
            admit(self._database.read, user, self.capacity, self.per_user)

    def get(self, id: str, user: str | None = None) -> Job:
        """The job of this id, of `user` if one is named. Raises NoSuchJob."""
        rows = self._database.read("SELECT * FROM jobs WHERE id = ? AND (? IS NULL OR user = ?)", id, user, user)
        if not rows:
            raise NoSuchJob(f"There is no job {id[:40]!a}.")
        return from_row(rows[0])

    def jobs(
        self,
        user: str | None = None,
        state: State | None = None,
        before: str | None = None,
        limit: int = 50,
        kinds: Collection[str] = (),
    ) -> list[Job]:
        """The newest jobs first, those before the job `before`; of any user, state or kind where none is named."""
        marks = ",".join(f"?{number}" for number in range(6, 6 + len(kinds)))
        rows = self._database.read(
            "SELECT * FROM jobs WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR state = ?2) AND "
            "(?3 IS NULL OR number < (SELECT number FROM jobs WHERE id = ?3)) AND "
            f"(?4 = 0 OR kind IN ({marks})) ORDER BY number DESC LIMIT ?5",
            user, state, before, len(kinds), limit, *kinds,
        )  # fmt: skip
        return [from_row(row) for row in rows]

    def forecast(self, seats: Sequence[Seat]) -> Mapping[str, Expected]:
        """When the jobs that wait or run are likely to begin and end, by id, with the workers `seats`.

        Many ask at once, whenever something changed: the forecast of a long queue is told again for a while, and lacks
        what came since.
        """
        known, last = (self.version, tuple(seats)), self._forecast
        rest = 0.0 if last is None or last.took < SLOW else REST * last.took
        stale = last is None or time.time() - last.made >= (FRESH if last.known == known else rest)
        if stale and self._forecasting.acquire(blocking=last is None):
            try:
                now = time.time()
                expected = forecast(self._database.read, seats, now)
                self._forecast = last = _Forecast(known, now, time.time() - now, expected)
            finally:
                self._forecasting.release()
        return {} if last is None else last.expected

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        return {row[0]: row[1] for row in self._database.read("SELECT state, count(*) FROM jobs GROUP BY state")}

    def open(self) -> dict[Literal["queued", "running"], dict[str, int]]:
        """How many jobs of each kind wait, and how many run."""
        found: dict[Literal["queued", "running"], dict[str, int]] = {"queued": {}, "running": {}}
        query = "SELECT state, kind, count(*) FROM jobs WHERE state IN ('queued', 'running') GROUP BY state, kind"
        for state, kind, number in self._database.read(query):
            found[state][kind] = number
        return found

    def tallies(self) -> Mapping[tuple[str, str], Tally]:
        """Jobs that came to their end since the file was made, by kind and state."""
        return tallies(self._database.read)

    def points(self, id: str) -> list[tuple[int, dict[str, float]]]:
        """Steps and figures of a job's curves, evenly thinned."""
        rows = self._database.read("SELECT step, metrics FROM points WHERE job = ? ORDER BY step", id)
        return [(row["step"], json.loads(row["metrics"])) for row in rows]

    def cancel(self, id: str, user: str | None = None) -> Job:
        """End a queued job now and a running one at its next step; one that has ended stays as it is."""
        self.get(id, user)
        now = time.time()
        with self._database.write() as database:
            ended = database.execute(
                "UPDATE jobs SET state = 'cancelled', finished = ?, updated = ? WHERE id = ? AND state = 'queued' "
                "RETURNING *",
                (now, now, id),
            ).fetchone()
            database.execute("UPDATE jobs SET cancelling = 1 WHERE id = ? AND state = 'running'", (id,))
            if ended is not None:
                count(database, ended, "cancelled", now)
                _tell(database, id, "cancelled")
        return self.get(id)

    def claim(self, worker: str, kinds: Collection[str], lease_s: float, without: Collection[str] = ()) -> Job | None:
        """Take the job whose turn it is, of one of `kinds`, for `lease_s` seconds; None when there is none.

        Users in `without` are passed over.
        """
        marks, others = (",".join("?" * len(names)) for names in (kinds, without))
        fitting = f"state = 'queued' AND kind IN ({marks}) AND user NOT IN ({others})"
        if not self._database.read(f"SELECT 1 FROM jobs WHERE {fitting} LIMIT 1", *kinds, *without):
            return None  # an idle worker asks often; reading disturbs nobody
        now = time.time()
        with self._database.write() as database:
            row = database.execute(
                "UPDATE jobs SET state = 'running', fence = fence + 1, worker = ?, lease = ?, started = ?, "
                "updated = ?, step = 0, total = 0, first_at = NULL WHERE number = (SELECT number FROM jobs "
                f"JOIN shares USING(user) WHERE {fitting} ORDER BY spent, number LIMIT 1) RETURNING *",
                (worker, now + lease_s, now, now, *kinds, *without),
            ).fetchone()
            if row is None:
                return None
            if row["fence"] == 1:
                charge(database, row["user"], row["cost"])
            _tell(database, row["id"], "running")
            return from_row(row)

    def beat(self, id: str, fence: int, lease_s: float) -> bool:
        """Renew the lease; whether the job is to be cancelled. Raises LeaseLost."""
        with self._database.write(durable=False) as database:
            row = _held(database, id, fence, "lease = ?", time.time() + lease_s)
            return bool(row["cancelling"])

    def progress(self, id: str, fence: int, report: Progress, preview: str | None = None) -> bool:
        """Note how far the job is; whether it is to be cancelled. `preview` names a new preview. Raises LeaseLost."""
        now, metrics = time.time(), json.dumps(dict(report.metrics))
        with self._database.write(durable=False) as database:
            row = _held(
                database, id, fence,
                "step = ?, total = ?, note = ?, warning = ?, metrics = ?, preview = coalesce(?, preview), updated = ?, "
                "furthest = max(furthest, ?), first_step = iif(first_at IS NULL, ?, first_step), "
                "first_at = coalesce(first_at, ?)",
                report.step, report.total, report.note, report.warning, metrics, preview, now,
                report.step, report.step, now,
            )  # fmt: skip
            if report.metrics:
                _point(database, id, report, metrics)
            database.execute("DELETE FROM events WHERE job = ? AND what = 'progress'", (id,))
            _tell(database, id, "progress")
            return bool(row["cancelling"])

    def settle(self, id: str, fence: int, plan: Mapping[str, str], outcome: Mapping[str, Any]) -> None:
        """Fix, once and for all, where the files that were made go and what the result will be. Raises LeaseLost.

        From then on whoever takes the job moves those files and finishes it, and nothing is made again.
        """
        with self._database.write() as database:
            _held(database, id, fence, "plan = ?, outcome = ?", json.dumps(plan), json.dumps(outcome))

    def finish(self, id: str, fence: int, result: Mapping[str, Any]) -> None:
        """The job is done. Raises LeaseLost."""
        self._end(id, fence, "done", result=json.dumps(result, ensure_ascii=False))

    def fail(self, id: str, fence: int, error: str) -> None:
        """The job cannot be done, for the reason `error`, a sentence. Raises LeaseLost."""
        self._end(id, fence, "failed", error=error)

    def stop(self, id: str, fence: int, result: Mapping[str, Any]) -> None:
        """The job was stopped because it was cancelled; `result` is what it had made. Raises LeaseLost."""
        self._end(id, fence, "cancelled", result=json.dumps(result, ensure_ascii=False))

    def sweep(self) -> int:
        """Queue again, or give up, every job whose lease has run out; how many there were."""
        return self._release("lease < ?", time.time(), counted=True)

    def abandon(self, worker: str) -> int:
        """The same for the jobs of a worker that is known to be dead."""
        return self._release("worker = ?", worker, counted=True)

    def recover(self) -> int:
        """The same for all running jobs, after a start of the server: no worker is left, and none is blamed."""
        return self._release("?", 1, counted=False)

    def prune(self, keep: int) -> list[str]:
        """Forget all but the newest `keep` jobs that have ended; the ids of the others."""
        with self._database.write() as database:
            ended = ",".join(f"'{state}'" for state in ENDED)
            rows = database.execute(
                f"DELETE FROM jobs WHERE state IN ({ended}) AND number NOT IN (SELECT number FROM jobs "
                f"WHERE state IN ({ended}) ORDER BY number DESC LIMIT ?) RETURNING id",
                (keep,),
            ).fetchall()
            for (id,) in rows:
                database.execute("DELETE FROM events WHERE job = ?", (id,))
                database.execute("DELETE FROM points WHERE job = ?", (id,))
        return [row[0] for row in rows]

    def events(self, after: int = 0, job: str | None = None, user: str | None = None, limit: int = 500) -> list[Event]:
        """What happened since event `after`, oldest first; of progress, only the newest of each job."""
        rows = self._database.read(
            "SELECT events.number AS event, what, jobs.* FROM events JOIN jobs ON jobs.id = events.job WHERE "
            "events.number > ?1 AND (?2 IS NULL OR job = ?2) AND (?3 IS NULL OR user = ?3) ORDER BY event LIMIT ?4",
            after, job, user, limit,
        )  # fmt: skip
        return [Event(row["event"], row["what"], from_row(row)) for row in rows]

    @property
    def last_event(self) -> int:
        """Number of the newest event."""
        return int(self._database.read("SELECT coalesce(max(number), 0) FROM events")[0][0])

    @property
    def version(self) -> int:
        """A number that changes whenever anything was written to the file."""
        return self._database.version

    def wait(self, id: str, timeout: float) -> Job:
        """The job once it has ended, or as it is after `timeout` seconds."""
        until = time.monotonic() + timeout
        while not (job := self.get(id)).ended and time.monotonic() < until:
            time.sleep(0.02)
        return job

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _end(self, id: str, fence: int, state: State, result: str | None = None, error: str = "") -> None:
        now = time.time()
        with self._database.write() as database:
            change = "state = ?, result = ?, error = ?, finished = ?, updated = ?, cancelling = 0"
            row = _held(database, id, fence, change, state, result, error, now, now)
            if state == "done" and fence == 1:  # one that was cut off took longer than it should
                learn(database, row, now)
            count(database, row, state, now)
            _tell(database, id, state)

    def _release(self, which: str, value: object, *, counted: bool) -> int:
        now = time.time()
        with self._database.write() as database:
            rows = database.execute(f"SELECT * FROM jobs WHERE state = 'running' AND {which}", (value,)).fetchall()
            for row in rows:
                crashes, state, error = after_death(row, blamed=counted)
                finished = None if state == "queued" else now
                database.execute(
                    "UPDATE jobs SET state = ?, error = ?, crashes = ?, mark = furthest, finished = ?, updated = ?, "
                    "worker = '' WHERE number = ?",
                    (state, error, crashes, finished, now, row["number"]),
                )
                if finished is not None:
                    count(database, row, state, now)
                _tell(database, row["id"], state)
            return len(rows)


def _same(earlier: sqlite3.Row, kind: str, content: str) -> Job:
    if (earlier["kind"], earlier["parameters"]) != (kind, content):
        raise InputError(f"The key {earlier['key'][:40]!a} stood for another job; take a new one.")
    return from_row(earlier)


def _reading(database: sqlite3.Connection) -> Read:
    return lambda query, *values: database.execute(query, values).fetchall()


def _held(database: sqlite3.Connection, id: str, fence: int, change: str, *values: Any) -> sqlite3.Row:
    """Change the job that is held with `fence`. Raises LeaseLost."""
    held = "WHERE id = ? AND fence = ? AND state = 'running' RETURNING *"
    row: sqlite3.Row | None = database.execute(f"UPDATE jobs SET {change} {held}", (*values, id, fence)).fetchone()
    if row is None:
        raise LeaseLost(f"Job {id} is no longer held by its worker number {fence}.")
    return row


def _point(database: sqlite3.Connection, id: str, report: Progress, metrics: str) -> None:
    last = database.execute("SELECT coalesce(max(step), -1) FROM points WHERE job = ?", (id,)).fetchone()[0]
    if last < 0 or report.step >= min(last + max(1, report.total // POINTS), report.total):
        database.execute("INSERT OR REPLACE INTO points VALUES(?, ?, ?)", (id, report.step, metrics))


def _tell(database: sqlite3.Connection, job: str, what: str) -> None:
    database.execute("INSERT INTO events(job, what) VALUES(?, ?)", (job, what))
