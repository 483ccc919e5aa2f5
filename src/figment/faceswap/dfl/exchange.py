"""Facesets brought in from DeepFaceLab, as a folder or packed, and given back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from figment.core.errors import DataError
from figment.core.files import write_bytes
from figment.core.task import Progress, Task
from figment.faceswap.dfl import faces, pak
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["export_folder", "export_pak", "import_faces"]


def import_faces(path: Path, faceset: Faceset) -> Task[int]:
    """Add the faces in `path`, a folder of DFLJPG files or a faceset.pak, to `faceset`; returns how many there are.

    What cannot be read is left out and told as a warning; the rest is added. Raises DataError where nothing is found.
    """
    people: dict[str, int] = {}
    count = number = 0
    for number, (name, person, content) in enumerate(_folder(path) if path.is_dir() else pak.read(path), 1):
        warning = ""
        try:
            face, picture = faces.read(name, content, number - 1)
            group = people.setdefault(person, len(people)) if person else -1
            unique = f"{person}_{name}" if person else name
            faceset.add_file(replace(face, name=unique, person=group), picture)
            count += 1
        except DataError as error:
            warning = str(error)
        yield Progress(number, 0, "importing", warning=warning)
    if count == 0:
        raise DataError(f"None of the {number} pictures in {path} is a face that DeepFaceLab extracted.")
    return count


def _folder(path: Path) -> Iterator[pak.Packed]:
    for picture in sorted(path.iterdir()):
        if picture.suffix.lower() in (".jpg", ".jpeg"):
            yield picture.name, "", picture.read_bytes()


def export_folder(faceset: Faceset, folder: Path) -> Task[int]:
    """Write the faces that are in as DFLJPG files to `folder`; returns how many there are."""
    there = faceset.faces()
    for number, face in enumerate(there, 1):
        write_bytes(folder / _name(face), faces.write(face, faceset.picture(face).read_bytes()))
        yield Progress(number, len(there), "exporting")
    return len(there)


def export_pak(faceset: Faceset, path: Path) -> Task[int]:
    """Write the faces that are in to the faceset.pak `path`; returns how many there are."""
    there = faceset.faces()
    pictures = []
    for number, face in enumerate(there, 1):
        config = {
            "filename": _name(face),
            "face_type": faces.TYPES[face.face_type],
            "shape": (face.size, face.size, 3),
            "landmarks": face.landmarks.tolist(),
            "source_filename": face.source,
            "person_name": None,
        }
        pictures.append((config, faces.write(face, faceset.picture(face).read_bytes())))
        yield Progress(number, len(there), "exporting")
    pak.write(path, pictures)
    return len(there)


def _name(face: AlignedFace) -> str:
    return Path(face.name).with_suffix(".jpg").name
