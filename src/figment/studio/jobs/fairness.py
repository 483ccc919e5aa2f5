"""Whose job is next, how many may wait, and what becomes of a job whose worker died.

Users take turns by the work that they were given so far: start-time fair queueing (Goyal et al. 1996).
"""

import sqlite3
from collections.abc import Callable, Sequence

from figment.studio.jobs.job import QueueFull, State

__all__ = ["CRASHES", "SEATS", "Read", "activate", "admit", "after_death", "charge"]

Read = Callable[..., Sequence[sqlite3.Row]]
"""Runs a query with its values, and returns all rows."""
SEATS = 8
"""Jobs that a worker does together at most. Nobody takes more of the seats than are left free, so that there is one for
everybody who comes."""
CRASHES = 5
"""Deaths of a worker in a row, none further than the one before, after which a job is given up."""


def admit(read: Read, user: str, capacity: int, per_user: int) -> None:
    """Raise QueueFull where `capacity` jobs wait already, or `per_user` of this user."""
    waiting = "SELECT count(*), coalesce(sum(user = ?), 0) FROM jobs WHERE state = 'queued'"
    everyone, own = read(waiting, user)[0]
    if own >= per_user:
        raise QueueFull(f"You have {own} jobs waiting, which is the most; try again later.", pace(read))
    if everyone >= capacity:
        raise QueueFull(f"There are {everyone} jobs waiting, which is the most; try again later.", pace(read))


def activate(database: sqlite3.Connection, user: str) -> None:
    """Let a user who had nothing to do begin where those who wait stand: time without jobs earns nothing."""
    active = "SELECT 1 FROM jobs WHERE user = ? AND state IN ('queued', 'running') LIMIT 1"
    if database.execute(active, (user,)).fetchone():
        return
    others = "SELECT coalesce(min(spent), 0) FROM shares WHERE user IN (SELECT user FROM jobs WHERE state = 'queued')"
    least = database.execute(others).fetchone()[0]
    raised = "INSERT INTO shares VALUES(?1, ?2) ON CONFLICT(user) DO UPDATE SET spent = max(spent, ?2)"
    database.execute(raised, (user, least))


def charge(database: sqlite3.Connection, user: str, cost: float) -> None:
    """Count the work of a job that this user was given."""
    database.execute("UPDATE shares SET spent = spent + ? WHERE user = ?", (cost, user))


def pace(read: Read) -> float:
    """Seconds from the end of one job to the end of the next, of late; 1 when nothing is known, or for less."""
    ended = "SELECT finished FROM jobs WHERE state = 'done' ORDER BY number DESC LIMIT 20"
    times = sorted((row[0] for row in read(ended)), reverse=True)
    return max(1.0, (times[0] - times[-1]) / (len(times) - 1)) if len(times) > 1 else 1.0


def after_death(row: sqlite3.Row, *, blamed: bool) -> tuple[int, State, str]:
    """Crashes counted so far, next state and error of a running job whose worker died; `blamed` for it or not.

    A worker that got further than the one before it starts the count anew, so that a long training outlives many.
    """
    crashes = int(row["crashes"])
    if blamed:
        crashes = 1 if row["furthest"] > row["mark"] else crashes + 1
    if row["cancelling"] and row["plan"] is None:  # else what was made is still to be put into the gallery
        return crashes, "cancelled", ""
    if crashes >= CRASHES:
        return crashes, "failed", f"The worker died {crashes} times at this job; it may need more memory than there is."
    return crashes, "queued", ""
