"""A faceset as one file: easy to move, and quick to read from a disk that is slow with many small files.

A zip archive that is not compressed, since the pictures are: `faces.jsonl`, one face a line in the order of the
faceset, and the picture files as they are. Any unzip opens it.
"""

import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from figment.core.errors import DataError, InputError
from figment.core.files import write_atomically
from figment.core.task import Progress, Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.pixels.files import MAX_BYTES

__all__ = ["SUFFIX", "pack", "unpack"]

SUFFIX = ".faces"
INDEX = "faces.jsonl"
MOST_INDEX = 2**31
"""Bytes that the index may have; a million faces take less."""
BATCH = 64
"""Faces that are written to the faceset at once."""
_ARRAYS = {"landmarks": (68, 2), "source_landmarks": (68, 2), "matrix": (2, 3), "box": (4,), "embedding": (-1,)}
_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, ValueError, TypeError, KeyError, EOFError, struct.error)


def pack(faceset: Faceset, path: Path, bin: Path | None = None) -> Task[int]:
    """Write the faces of `faceset`, the dropped ones too, to the file `path`; returns how many there are.

    The faceset stays as it is; with `bin`, its folder is moved there once the file is written.
    """
    faces = [*faceset.faces(), *faceset.faces(dropped=True)]
    if not faces:
        raise InputError(f"There are no faces in {faceset.folder} to pack.")
    if bin is not None and bin.exists():
        raise InputError(f"The folder {bin} is there already; name one that is not.")
    yield Progress(0, len(faces), "packing")
    write_atomically(path, lambda part: _write(part, faceset, faces))
    if bin is not None:
        bin.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(faceset.folder, bin)
    yield Progress(len(faces), len(faces), "packed")
    return len(faces)


def unpack(path: Path, faceset: Faceset) -> Task[int]:
    """Add the faces in the file `path` to `faceset`, in their order; returns how many there are.

    Raises DataError for a file that is not a whole pack, and InputError where a face of one name is there already.
    """
    with _opened(path) as archive:
        faces = [_face(line) for line in archive.read(_member(archive, INDEX, MOST_INDEX)).splitlines()]
        present = {face.name for dropped in (False, True) for face in faceset.faces(dropped)}
        twice = next((face.name for face in faces if face.name in present), None)
        if twice is not None:
            raise InputError(f"The faceset {faceset.folder} has a face {twice} already; unpack into another folder.")
        for start in range(0, len(faces), BATCH):
            some = faces[start : start + BATCH]
            faceset.add_files([(face, archive.read(_member(archive, face.name, MAX_BYTES))) for face in some])
            yield Progress(start + len(some), len(faces), "unpacking")
    return len(faces)


def _write(part: Path, faceset: Faceset, faces: list[AlignedFace]) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(INDEX), "".join(_line(face) + "\n" for face in faces))
        for face in faces:
            # The zip's smallest date in place of now: the same faceset makes the same bytes.
            archive.writestr(zipfile.ZipInfo(face.name), faceset.picture(face).read_bytes())


def _line(face: AlignedFace) -> str:
    values = {field.name: getattr(face, field.name) for field in fields(face)}
    arrays = {name: None if values[name] is None else values[name].tolist() for name in _ARRAYS}
    return json.dumps({**values, **arrays, "face_type": str(face.face_type)}, ensure_ascii=False)


def _face(line: bytes) -> AlignedFace:
    values: dict[str, Any] = json.loads(line)
    for name, shape in _ARRAYS.items():
        values[name] = None if values[name] is None else np.array(values[name], np.float32).reshape(shape)
    width, height = values["source_size"]
    return AlignedFace(**{**values, "source_size": (int(width), int(height))})


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except _DAMAGE as error:
        raise DataError(f"{path} is not a whole pack of faces ({error}); pack the faceset again.") from error


def _member(archive: zipfile.ZipFile, name: str, most: int) -> zipfile.ZipInfo:
    """The member called `name`, which must be stored as it is: one that is compressed could grow without bound."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > most:
        raise ValueError(f"{name} is compressed or too large")
    return member
