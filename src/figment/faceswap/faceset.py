"""A faceset: aligned faces of one clip as picture files, and beside them an index that says what they are.

The index, `faces.sqlite`, is the truth: the order of the faces and which of them are dropped stand there alone, so that
sorting and dropping rename and delete no file and can be undone. A picture is written before its entry, each whole or
not at all: after a crash a faceset holds what was added before it.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import DataError, InputError
from figment.core.files import write_bytes
from figment.core.paths import inside
from figment.pixels import files

__all__ = ["INDEX", "AlignedFace", "Faceset"]

INDEX = "faces.sqlite"
QUALITY = 95
"""Of the JPEG files that `Faceset.add` writes."""


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face cut out of a frame and turned upright, without its picture."""

    name: str
    """File name of the picture, `<frame>_<index>.jpg` or `.png`; one of its kind in the faceset."""
    source: str
    """Name of the frame's file, or of the clip that holds the frame."""
    frame: int
    """Number of the frame in the clip, from 0."""
    index: int
    """Number of the face in the frame, from 0."""
    face_type: str
    """How much is shown: half, mid, full, whole or head."""
    size: int
    """Width and height of the picture in pixels."""
    landmarks: NDArray[np.float32]
    """(68, 2): points in the order of dlib, in pixels of the picture."""
    source_landmarks: NDArray[np.float32]
    """(68, 2): the same points in pixels of the frame."""
    matrix: NDArray[np.float32]
    """(2, 3): maps pixels of the frame to pixels of the picture."""
    source_size: tuple[int, int]
    """Width and height of the frame."""
    box: NDArray[np.float32]
    """(4,): left, top, right, bottom of the face in the frame."""
    embedding: NDArray[np.float32] | None = None
    """(D,): unit vector that says who it is, where it was made."""
    person: int = -1
    """Number of the person among those of the clip, -1 where not known."""
    track: int = -1
    """Number of the track, a face followed from frame to frame; -1 where not known."""
    shot: int = -1
    """Number of the shot between two cuts; -1 where not known."""
    dropped: str = ""
    """Why the face is left out; empty for one that is in."""


_SHAPES = {"landmarks": (68, 2), "source_landmarks": (68, 2), "matrix": (2, 3), "box": (4,), "embedding": (-1,)}
_COLUMNS = tuple(field.name for field in fields(AlignedFace))
_TABLE = """CREATE TABLE IF NOT EXISTS faces (
    name TEXT PRIMARY KEY, source TEXT NOT NULL, frame INTEGER NOT NULL, "index" INTEGER NOT NULL,
    face_type TEXT NOT NULL, size INTEGER NOT NULL, landmarks BLOB NOT NULL, source_landmarks BLOB NOT NULL,
    matrix BLOB NOT NULL, source_size TEXT NOT NULL, box BLOB NOT NULL, embedding BLOB, person INTEGER NOT NULL,
    track INTEGER NOT NULL, shot INTEGER NOT NULL, dropped TEXT NOT NULL, place INTEGER NOT NULL)"""
_NAMES = ", ".join(f'"{column}"' for column in _COLUMNS)
_VALUES = ", ".join("?" * len(_COLUMNS))
# A face that is added again keeps its place; a new one comes last.
_ADD = f"""INSERT OR REPLACE INTO faces ({_NAMES}, place) VALUES ({_VALUES}, coalesce(
    (SELECT place FROM faces WHERE name = ?), (SELECT coalesce(max(place), -1) + 1 FROM faces)))"""


class Faceset:
    """The faces in a folder; one that is not there is made with the first face."""

    def __init__(self, folder: Path) -> None:
        """Bind to `folder`, such as data_src/aligned."""
        self.folder = folder

    def __len__(self) -> int:
        """How many faces are in."""
        return len(self.faces())

    def faces(self, dropped: bool = False) -> list[AlignedFace]:
        """The faces that are in, in their order; with `dropped`, those that are left out instead."""
        if not self._file.is_file():
            return []
        with self._index() as index:
            rows = index.execute(f"SELECT {_NAMES} FROM faces WHERE (dropped != '') = ? ORDER BY place", (dropped,))
            return [_face(row) for row in rows]

    def picture(self, face: AlignedFace) -> Path:
        """The picture file of `face`."""
        return inside(self.folder, face.name)

    def image(self, face: AlignedFace) -> NDArray[np.uint8]:
        """Picture of `face`, uint8 (size, size, 3). Raises PixelError where the file is gone or damaged."""
        return files.load(self.picture(face))

    def add(self, face: AlignedFace, image: NDArray[np.uint8]) -> None:
        """Put `face` last with its picture, uint8 (size, size, 3); one of the same name is replaced in its place."""
        if image.shape != (face.size, face.size, 3):
            raise InputError(f"The picture of {face.name} must be {face.size} pixels wide and high, in colour.")
        format = files.SUFFIXES.get(Path(face.name).suffix.lower(), "jpeg")
        self.add_file(face, files.encode(image, format, quality=QUALITY))

    def add_file(self, face: AlignedFace, content: bytes) -> None:
        """Put `face` last with the `content` of its picture file as it is."""
        self.add_files([(face, content)])

    def add_files(self, faces: Iterable[tuple[AlignedFace, bytes]]) -> None:
        """Put faces last with their picture files; of many at once the index is written once, after the pictures."""
        written = []
        for face, content in faces:
            self._write(face, content)
            written.append(face)
        self._enter(written)

    def drop(self, names: Iterable[str], reason: str) -> None:
        """Leave the faces called `names` out; their pictures stay. `reason` is told to who looks."""
        if not reason:
            raise InputError("A face is dropped for a reason; say which.")
        self._update("UPDATE faces SET dropped = ? WHERE name = ?", ((reason, name) for name in names))

    def restore(self, names: Iterable[str]) -> None:
        """Take dropped faces in again, at the places that they had."""
        self._update("UPDATE faces SET dropped = '' WHERE name = ?", ((name,) for name in names))

    def reorder(self, names: Iterable[str]) -> None:
        """Put the faces called `names` first, in that order; the others follow in the order that they had."""
        self.arrange(names, (), "")

    def arrange(self, names: Iterable[str], rejected: Iterable[str], reason: str) -> None:
        """`reorder` to `names` and `drop` those `rejected`, both or neither."""
        first, out = list(dict.fromkeys(names)), list(rejected)
        with self._index() as index:
            present = [name for (name,) in index.execute("SELECT name FROM faces ORDER BY place")]
            _check_known([*first, *out], present)
            chosen = set(first)
            order = first + [name for name in present if name not in chosen]
            index.executemany("UPDATE faces SET place = ? WHERE name = ?", enumerate(order))
            index.executemany("UPDATE faces SET dropped = ? WHERE name = ?", ((reason, name) for name in out))

    def clear(self, into: Path) -> int:
        """Move the dropped faces with their pictures to the folder `into`, itself a faceset; how many there were."""
        bin, gone = Faceset(into), self.faces(dropped=True)
        for face in gone:
            bin._enter([face])
            if self.picture(face).is_file():
                shutil.move(self.picture(face), bin.picture(face))
            self._update("DELETE FROM faces WHERE name = ?", [(face.name,)])
        return len(gone)

    @property
    def _file(self) -> Path:
        return self.folder / INDEX

    def _write(self, face: AlignedFace, content: bytes) -> None:
        path = self.picture(face)
        if path.suffix.lower() not in files.SUFFIXES:
            raise InputError(f"A face cannot be called '{face.name}'; it must end in .jpg or .png.")
        write_bytes(path, content)

    def _enter(self, faces: Iterable[AlignedFace]) -> None:
        with self._index() as index:
            index.executemany(_ADD, ((*_row(face), face.name) for face in faces))

    def _update(self, statement: str, values: Iterable[tuple[str, ...]]) -> None:
        """Run `statement` for each of `values`, whose last is a name, all or none."""
        with self._index() as index:
            for value in values:
                if index.execute(statement, value).rowcount == 0:
                    raise InputError(f"The faceset {self.folder} has no face '{value[-1]}'.")

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """The index, whose changes are kept when the block ends well. Each use opens it, so that threads may share."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=30)) as index, index:
                index.execute(_TABLE)
                yield index
        except (sqlite3.Error, OSError, ValueError) as error:
            raise DataError(
                f"The index {self._file} cannot be used ({error}); copy it again or extract anew."
            ) from error


def _check_known(names: Iterable[str], present: Iterable[str]) -> None:
    unknown = set(names).difference(present)
    if unknown:
        raise InputError(f"The faceset has no face '{min(unknown)}'.")


def _row(face: AlignedFace) -> tuple[Any, ...]:
    """The values of `face` in the order of the columns."""
    values = {column: getattr(face, column) for column in _COLUMNS}
    arrays = {column: None if values[column] is None else _bytes(values[column]) for column in _SHAPES}
    width, height = face.source_size
    return tuple({**values, **arrays, "source_size": f"{width}x{height}", "face_type": str(face.face_type)}.values())


def _bytes(array: NDArray[np.float32]) -> bytes:
    return np.asarray(array, "<f4").tobytes()


def _face(row: tuple[Any, ...]) -> AlignedFace:
    values = dict(zip(_COLUMNS, row, strict=True))
    for column, shape in _SHAPES.items():
        stored = values[column]
        values[column] = None if stored is None else np.frombuffer(stored, "<f4").astype(np.float32).reshape(shape)
    width, height = values["source_size"].split("x")
    return AlignedFace(**{**values, "source_size": (int(width), int(height))})
