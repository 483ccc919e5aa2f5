"""What was found in the frames of a clip: faces with their points, and how each frame looks as a whole.

One SQLite file beside the faceset. Frames are told in turn, several at once, and after a crash those that were told are
there: looking goes on with the next.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import DataError, OutputError
from figment.faceswap.shots import SIGN

__all__ = ["FILE", "Finds", "Sighting"]

FILE = "found.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS about (only INTEGER PRIMARY KEY CHECK (only = 0), digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS frames (number INTEGER PRIMARY KEY, sign BLOB NOT NULL, width INTEGER, height INTEGER);
CREATE TABLE IF NOT EXISTS faces (frame INTEGER NOT NULL, "index" INTEGER NOT NULL, score REAL NOT NULL,
    landmarks BLOB NOT NULL, embedding BLOB NOT NULL, PRIMARY KEY (frame, "index"));
"""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face in a frame, as the models say."""

    frame: int
    index: int
    score: float
    landmarks: NDArray[np.float32]
    """(68, 2)."""
    embedding: NDArray[np.float32]
    """(D,) of length 1."""

    @property
    def box(self) -> NDArray[np.float32]:
        """(4,): left, top, right, bottom of its landmarks."""
        return np.concatenate([self.landmarks.min(0), self.landmarks.max(0)])


class Finds:
    """What is found in one clip by one choice of models."""

    def __init__(self, file: Path, digest: str) -> None:
        """Bind to `file`; what is in it of another `digest`, which names clip and models, is forgotten."""
        self.file = file
        with self._opened() as store:
            row = store.execute("SELECT digest FROM about").fetchone()
            if row is None or row[0] != digest:
                for table in ("about", "frames", "faces"):
                    store.execute(f"DELETE FROM {table}")
                store.execute("INSERT INTO about VALUES (0, ?)", (digest,))

    @property
    def frames(self) -> int:
        """How many frames were looked at, from the first on."""
        with self._opened() as store:
            return int(store.execute("SELECT count(*) FROM frames").fetchone()[0])

    def tell(
        self, first: int, size: tuple[int, int], signs: Sequence[NDArray[np.uint8]], faces: Iterable[Sighting]
    ) -> None:
        """Note frames from number `first` on, of `size` (width, height), with their signs, and the faces in them."""
        with self._opened() as store:
            rows = ((first + step, sign.tobytes(), *size) for step, sign in enumerate(signs))
            store.executemany("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?)", rows)
            store.executemany("INSERT OR REPLACE INTO faces VALUES (?, ?, ?, ?, ?)", map(_row, faces))

    def signs(self) -> NDArray[np.uint8]:
        """(N, 3, 8, 8) of all frames."""
        with self._opened() as store:
            rows = [row[0] for row in store.execute("SELECT sign FROM frames ORDER BY number")]
        return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, *SIGN)

    def size(self) -> tuple[int, int]:
        """Width and height of the frames."""
        with self._opened() as store:
            width, height = store.execute("SELECT width, height FROM frames LIMIT 1").fetchone()
            return int(width), int(height)

    def faces(self) -> list[Sighting]:
        """All faces in the order of the frames."""
        with self._opened() as store:
            return [_sighting(row) for row in store.execute('SELECT * FROM faces ORDER BY frame, "index"')]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.file, timeout=30)) as store, store:
                store.executescript(_TABLES)
                yield store
        except (sqlite3.OperationalError, OSError) as error:
            raise OutputError(f"Cannot write {self.file}: {error}.") from error
        except (sqlite3.Error, ValueError) as error:
            raise DataError(f"{self.file} cannot be used ({error}); move it away to look anew.") from error


def _row(face: Sighting) -> tuple[int, int, float, bytes, bytes]:
    points, embedding = (np.asarray(part, "<f4").tobytes() for part in (face.landmarks, face.embedding))
    return face.frame, face.index, face.score, points, embedding


def _sighting(row: tuple[int, int, float, bytes, bytes]) -> Sighting:
    points, embedding = (np.frombuffer(part, "<f4").astype(np.float32) for part in row[3:])
    return Sighting(row[0], row[1], row[2], points.reshape(68, 2), embedding)
