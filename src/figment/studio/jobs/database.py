"""The file that holds the jobs: SQLite with a write-ahead log, so that readers never wait and no commit is lost."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figment.core.errors import OutputError

__all__ = ["Database"]

WAIT = 30.0
"""Seconds to wait for other processes that write."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs(
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, parameters TEXT NOT NULL,
    user TEXT NOT NULL, key TEXT, cost REAL NOT NULL, state TEXT NOT NULL DEFAULT 'queued',
    fence INTEGER NOT NULL DEFAULT 0, worker TEXT NOT NULL DEFAULT '', lease REAL NOT NULL DEFAULT 0,
    cancelling INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
    furthest INTEGER NOT NULL DEFAULT 0, mark INTEGER NOT NULL DEFAULT -1,
    step INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0, first_step INTEGER, first_at REAL,
    note TEXT NOT NULL DEFAULT '', warning TEXT NOT NULL DEFAULT '', metrics TEXT NOT NULL DEFAULT '{}',
    preview TEXT NOT NULL DEFAULT '', plan TEXT, outcome TEXT, result TEXT, error TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL, started REAL, updated REAL NOT NULL, finished REAL, UNIQUE(user, key));
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs(state, number);
CREATE INDEX IF NOT EXISTS jobs_by_user ON jobs(user, number);
CREATE INDEX IF NOT EXISTS jobs_by_worker ON jobs(worker, finished);
CREATE TABLE IF NOT EXISTS shares(user TEXT PRIMARY KEY, spent REAL NOT NULL);
CREATE TABLE IF NOT EXISTS speeds(
    sort TEXT PRIMARY KEY, seconds REAL NOT NULL, cost REAL NOT NULL, together INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tallies(
    kind TEXT NOT NULL, state TEXT NOT NULL, class INTEGER NOT NULL, jobs INTEGER NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY(kind, state, class)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events(
    number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, what TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_job ON events(job, what);
CREATE TABLE IF NOT EXISTS points(
    job TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, PRIMARY KEY(job, step)) WITHOUT ROWID;
"""


class Database:
    """One connection that writes and one that reads; threads of this process take turns at each."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer, self._reader = _opened(path), _opened(path)
            self._writer.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"The jobs cannot be kept in {path}: {error}.") from error
        self._writing, self._reading = threading.Lock(), threading.Lock()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction. A `durable` one is on disk when it ends; another survives a crash of the process alone."""
        with self._writing:
            self._writer.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def read(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._reading:
            return self._reader.execute(query, values).fetchall()

    @property
    def version(self) -> int:
        """A number that changes whenever anything was written."""
        return int(self.read("PRAGMA data_version")[0][0])

    def close(self) -> None:
        """Close both connections, after whoever uses them now."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA cache_size=-1024")
    connection.execute("PRAGMA journal_size_limit=16777216")
    return connection
