"""What a workspace remembers: how far each step is, what it was made from, and what clips are known to be.

One SQLite file, `workspace.sqlite`, written ahead (WAL): after a crash it holds what was told before it.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from figment.core.errors import DataError, OutputError
from figment.pixels.clips import Times

__all__ = ["Entry", "Record"]

_TABLES = """
CREATE TABLE IF NOT EXISTS steps (name TEXT PRIMARY KEY, state TEXT NOT NULL, inputs TEXT NOT NULL,
    settings TEXT NOT NULL, figures TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS digests (files TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS times (digest TEXT PRIMARY KEY, ticks BLOB NOT NULL, base TEXT NOT NULL,
    "end" INTEGER NOT NULL, keys BLOB NOT NULL);
"""


@dataclass(frozen=True)
class Entry:
    """What is remembered of a step."""

    state: Literal["none", "begun", "done"]
    inputs: Mapping[str, str]
    """Digest of what it was made from, by the name of a clip or of a step."""
    settings: Mapping[str, Any]
    figures: Mapping[str, Any]
    """What came out, such as how many faces."""


class Record:
    """The record in a file, which is made when something is told first."""

    def __init__(self, file: Path) -> None:
        """Bind to `file`; each use opens it, so that threads and processes may share it."""
        self.file = file

    def entry(self, step: str) -> Entry:
        """What is remembered of `step`."""
        row = self._row("SELECT state, inputs, settings, figures FROM steps WHERE name = ?", step)
        if row is None:
            return Entry("none", {}, {}, {})
        return Entry(row[0], *(json.loads(text) for text in row[1:]))

    def enter(self, step: str, entry: Entry) -> None:
        """Remember `entry` of `step` in place of what was."""
        texts = [json.dumps(dict(part)) for part in (entry.inputs, entry.settings, entry.figures)]
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?)", (step, entry.state, *texts))

    def digest(self, files: str) -> str | None:
        """The digest that was noted of `files`, which are told apart by name, size and time of change."""
        row = self._row("SELECT digest FROM digests WHERE files = ?", files)
        return None if row is None else str(row[0])

    def note_digest(self, files: str, digest: str) -> None:
        """Note the `digest` of `files`."""
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO digests VALUES (?, ?)", (files, digest))

    def times(self, digest: str) -> Times | None:
        """The times that were noted of the clip of `digest`."""
        row = self._row('SELECT ticks, base, "end", keys FROM times WHERE digest = ?', digest)
        if row is None:
            return None
        ticks, keys = (tuple(np.frombuffer(part, "<i8").tolist()) for part in (row[0], row[3]))
        return Times(ticks, Fraction(row[1]), row[2], keys)

    def note_times(self, digest: str, times: Times) -> None:
        """Note the `times` of the clip of `digest`."""
        ticks, keys = (np.array(part, "<i8").tobytes() for part in (times.ticks, times.keys))
        with self._opened() as file:
            values = (digest, ticks, str(times.base), times.end, keys)
            file.execute("INSERT OR REPLACE INTO times VALUES (?, ?, ?, ?, ?)", values)

    def clear(self, copy: Path) -> None:
        """Forget all steps, of which `copy` is written first; what is known of clips stays."""
        with self._opened() as file, closing(sqlite3.connect(copy)) as target:
            file.backup(target)
            file.execute("DELETE FROM steps")

    def _row(self, statement: str, value: str) -> tuple[Any, ...] | None:
        if not self.file.is_file():
            return None
        with self._opened() as file:
            row: tuple[Any, ...] | None = file.execute(statement, (value,)).fetchone()
            return row

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The file, whose changes are kept when the block ends well."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.file, timeout=30)) as file:
                file.execute("PRAGMA journal_mode = WAL")
                with file:
                    file.executescript(_TABLES)
                    yield file
        except (sqlite3.OperationalError, OSError) as error:
            raise OutputError(f"Cannot write the record {self.file}: {error}.") from error
        except sqlite3.Error as error:
            raise DataError(f"The record {self.file} cannot be used ({error}); move it away and start anew.") from error
