"""Faces taken out of a clip: looked for in every frame, followed, told apart by person, steadied, and cut out.

    look     detector, landmarks and embedding, frame by frame, noted in `found.sqlite`
    decide   shots, tracks and people of all that was noted; steadied landmarks; nothing is read from the clip
    cut      faces of the chosen person laid upright and written to the faceset, those of others as left out

Each part goes on where it was stopped, and ends with the same bytes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, count, islice, pairwise, repeat
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from figment.core.config import Field, config, to_dict
from figment.core.errors import InputError
from figment.core.task import Progress, Task
from figment.faceswap import corrections as correcting
from figment.faceswap.affine import moved
from figment.faceswap.align import matrix, pose, warped
from figment.faceswap.deciding import Decided
from figment.faceswap.deciding import decided as decide
from figment.faceswap.faces import FaceType, Found
from figment.faceswap.faceset import QUALITY, AlignedFace
from figment.faceswap.finds import FILE, Finds, Sighting
from figment.faceswap.frames import images
from figment.faceswap.models import detectors, embedders, landmarkers
from figment.faceswap.people import PASSING
from figment.faceswap.people_sheet import people_sheet
from figment.faceswap.shots import sign
from figment.faceswap.side import Side
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import files

__all__ = ["ExtractSettings", "SeveralPeople", "extract"]

GROUP = 8
"""Frames that are looked at together; what was noted ends with a whole group, since a network rounds a little
differently in another company."""
THREADS = 2
ASIDE = 0.9
"""Yaw in radians from which a face is seen from the side."""
Frame = NDArray[np.uint8]


@config
class ExtractSettings:
    """How faces are taken out of a clip."""

    size: Annotated[int, Field(ge=96, le=1024)] = 256
    """Width and height of the pictures of faces in pixels."""
    face_type: FaceType = FaceType.WHOLE
    """How much of a head is in the picture."""
    person: Annotated[int, Field(ge=1)] | None = None
    """Number of the person on the sheet of people; needed where there are several."""
    detector: str = detectors.DEFAULT
    """What finds faces: BlazeFace, or dlib HOG where dlib is installed."""
    landmarker: str = landmarkers.DEFAULT
    """What finds their points: Face Mesh, Dense 68, or dlib where it is installed."""
    min_face: Annotated[int, Field(ge=0, le=4096)] = 40
    """Pixels below which a face is passed over."""
    turned: bool = True
    """Whether faces are looked for that lie on their side or stand on their head."""
    corrections: Path | None = None
    """File of landmarks to be taken instead, and of faces to be left out or put in."""


class SeveralPeople(InputError):
    """More than one person is seen in a clip, and none was chosen."""

    def __init__(self, message: str, sheet: Frame, frames: Sequence[int]) -> None:
        super().__init__(message)
        self.frames = tuple(frames)
        """How many each person is seen in, by their numbers."""
        self.sheet = sheet
        """(H, W, 3): a row of faces for each person, with its number."""


def extract(workspace: Workspace, name: Literal["src", "dst"], settings: ExtractSettings) -> Task[int]:
    """Fill the faceset of a side with the faces of one person; how many there are.

    Faces of others are there too, left out, and can be taken in again. Raises InputError where no face is found,
    SeveralPeople where there are several people and none was chosen.
    """
    side, step = workspace.side(name), Step(f"extract {name}")
    corrected = correcting.NONE if settings.corrections is None else correcting.read(settings.corrections)
    said = {**to_dict(settings), "corrections": "" if settings.corrections is None else _digest(settings.corrections)}
    finds = Finds(
        side.folder / FILE, " ".join((side.digest, settings.detector, settings.landmarker, str(settings.turned)))
    )
    yield from _look(side, finds, settings)
    added = list(_added(side, corrected, settings))
    decided = decide([*finds.faces(), *added], finds.signs(), settings.min_face, corrected)
    chosen = yield from _chosen(side, decided, settings)
    workspace.begin(step, said, [side.faceset.folder])
    yield from _cut(side, decided, chosen, settings)
    figures = _figures(side, decided, chosen)
    workspace.finish(step, figures)
    warning = _warning(side, decided, chosen, figures)
    yield Progress(side.count, side.count, "extracted", warning=warning)
    return int(figures["faces"])


# Looking


def _look(side: Side, finds: Finds, settings: ExtractSettings) -> Task[None]:
    """Note what is in the frames that were not looked at yet."""
    detector = detectors.find(settings.detector)
    first, total = finds.frames, side.count
    frames = images(side, first) if first < total else iter(())
    groups = iter(lambda: list(islice(frames, GROUP)), [])
    yield Progress(first, total, "looking for faces")
    with ThreadPoolExecutor(THREADS) as pool:

        def begun() -> Iterator[tuple[int, list[Frame], Iterator[list[Sighting]]]]:
            for start, group in zip(count(first, GROUP), groups, strict=False):
                together = np.stack(group)
                found = detectors.detect_turned(detector, together) if settings.turned else detector.detect(together)
                numbers = range(start, start + len(group))
                yield start, group, pool.map(_described, numbers, group, found, repeat(settings))

        # In pairs: the next group is read and looked through while faces of this one are described.
        for (start, group, sightings), _ in pairwise(chain(begun(), [(total, [], iter(()))])):
            height, width = group[0].shape[:2]
            seen = [one for some in sightings for one in some]
            finds.tell(start, (width, height), [sign(frame) for frame in group], seen)
            yield Progress(start + len(group), total, "looking for faces")


def _described(number: int, frame: Frame, found: Sequence[Found], settings: ExtractSettings) -> list[Sighting]:
    """The faces of a frame with their points and what tells whose they are."""
    if not found:
        return []
    points = landmarkers.find(settings.landmarker).landmarks(frame, found)
    embedding = embedders.find(embedders.DEFAULT).embed(frame, points)
    return [
        Sighting(number, index, face.score, points[index].astype(np.float32), embedding[index])
        for index, face in enumerate(found)
    ]


def _added(side: Side, corrected: correcting.Corrections, settings: ExtractSettings) -> Iterator[Sighting]:
    """Faces that the user says are there, with the points that the landmarker sees in their boxes."""
    for number, boxes in corrected.added.items():
        if number >= side.count:
            raise InputError(f"The corrections add a face to frame {number}; {side.label} has {side.count} frames.")
        frame = next(images(side, number))
        for place, box in enumerate(boxes):
            width, height = box[2:] - box[:2]  # where eyes are in a box around a face, about
            eyes = box[:2] + np.array([[0.3 * width, 0.4 * height], [0.7 * width, 0.4 * height]], np.float32)
            (seen,) = _described(number, frame, [Found(box, 1.0, eyes)], settings)
            yield replace(seen, index=1000 + place)


def _chosen(side: Side, decided: Decided, settings: ExtractSettings) -> Task[int]:
    """The number of the person whose faces are wanted."""
    people = len(decided.counts)
    if not decided.faces:
        raise InputError(
            f"No face was found in {side.source.name}; one must be seen from the front or half from the side, and be "
            f"{settings.min_face} pixels large (--min-face)."
        )
    if not people:
        raise InputError(
            f"Faces in {side.source.name} are seen in {PASSING} frames or fewer at a time; give a clip in which the "
            "person is seen longer."
        )
    if settings.person is not None and settings.person > people:
        raise InputError(f"There is no person {settings.person} in {side.label}; there are 1 to {people}.")
    if settings.person is None and people > 1:
        yield Progress(0, people, "drawing the sheet of people")
        counted = ", ".join(f"{number} in {frames} frames" for number, frames in enumerate(decided.counts, 1))
        raise SeveralPeople(
            f"{people} people are seen in {side.label}: {counted}; choose one with --person.",
            people_sheet(side, decided),
            decided.counts,
        )
    return settings.person or 1


# Cutting


def _cut(side: Side, decided: Decided, chosen: int, settings: ExtractSettings) -> Task[None]:
    """Write all faces that the faceset lacks."""
    faceset, total = side.faceset, side.count
    present = {face.name for dropped in (False, True) for face in faceset.faces(dropped)}
    lacking: dict[int, list[int]] = {}
    for face, sighting in enumerate(decided.faces):
        if _name(sighting) not in present:
            lacking.setdefault(sighting.frame, []).append(face)
    if not lacking:
        return
    first = min(lacking)
    frames = images(side, first)
    with ThreadPoolExecutor(THREADS) as pool:
        while group := list(islice(frames, GROUP)):
            pairs = [(face, frame) for number, frame in enumerate(group, first) for face in lacking.get(number, ())]
            faceset.add_files(pool.map(lambda pair: _aligned(side, decided, pair[0], pair[1], chosen, settings), pairs))
            first += len(group)
            yield Progress(first, total, "cutting faces out")


def _aligned(
    side: Side, decided: Decided, face: int, frame: Frame, chosen: int, settings: ExtractSettings
) -> tuple[AlignedFace, bytes]:
    """Face number `face` of those decided, and its picture file."""
    sighting, person = decided.faces[face], decided.people[face]
    place = matrix(sighting.landmarks, settings.size, settings.face_type)
    height, width = frame.shape[:2]
    aligned = AlignedFace(
        _name(sighting),
        side.source.name,
        sighting.frame,
        sighting.index,
        str(settings.face_type),
        settings.size,
        moved(sighting.landmarks, place).astype(np.float32),
        sighting.landmarks,
        place.astype(np.float32),
        (width, height),
        sighting.box,
        sighting.embedding,
        person,
        decided.tracks[face],
        decided.shots[face],
        "" if person == chosen else f"person {person}, not {chosen}" if person else "passes by",
    )
    return aligned, files.encode(warped(frame, place, settings.size), "jpeg", quality=QUALITY)


def _name(face: Sighting) -> str:
    """As DeepFaceLab calls it: frames count from 1."""
    return f"{face.frame + 1:05d}_{face.index}.jpg"


def _figures(side: Side, decided: Decided, chosen: int) -> dict[str, int]:
    own = [face for face, person in zip(decided.faces, decided.people, strict=True) if person == chosen]
    aside = sum(abs(pose(face.landmarks).yaw) > ASIDE for face in own)
    return {
        "frames": side.count,
        "faces": len(own),
        "frames without": side.count - len({face.frame for face in own}),
        "others": len(decided.faces) - len(own),
        "people": len(decided.counts),
        "from the side": aside,
        "shots": max(decided.shots) + 1,
    }


def _warning(side: Side, decided: Decided, chosen: int, figures: dict[str, int]) -> str:
    """What the user should know."""
    said = []
    if figures["from the side"] == figures["faces"]:
        said.append(f"the face in {side.label} is seen from the side alone, which is hard to swap")
    if figures["others"]:
        said.append(f"{figures['others']} faces of others are left out")
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
