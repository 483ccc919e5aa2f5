"""Who is who in a clip, and where every face lies once it is steadied: of all that was noted of its frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.faceswap.corrections import Corrections
from figment.faceswap.finds import Sighting
from figment.faceswap.models import embedders
from figment.faceswap.people import Person, grouped
from figment.faceswap.shots import cuts
from figment.faceswap.smoothing import smoothed
from figment.faceswap.tracks import Seen, follow

__all__ = ["Decided", "decided"]


@dataclass(frozen=True, eq=False)
class Decided:
    """What is to be cut out."""

    faces: list[Sighting]
    """With steadied landmarks, in the order of the frames."""
    tracks: list[int]
    shots: list[int]
    people: list[int]
    """Number of the person, from 1; 0 for those who only pass by."""
    counts: list[int]
    """Frames of each person."""


def decided(found: list[Sighting], signs: NDArray[np.uint8], least: float, corrected: Corrections) -> Decided:
    """What `found` comes to in a clip whose frames have `signs`, without faces smaller than `least` pixels.

    Raises InputError for corrections of faces that were not found.
    """
    unknown = {*corrected.landmarks, *corrected.dropped} - {(face.frame, face.index) for face in found}
    if unknown:
        frame, index = min(unknown)
        raise InputError(f"The corrections name face {index} of frame {frame}, which was not found.")
    kept = [face for face in found if (face.frame, face.index) not in corrected.dropped]
    kept = sorted((face for face in kept if _size(face) >= least), key=lambda face: (face.frame, face.index))
    starts = cuts(signs)
    seen = [Seen(face.frame, face.index, face.box, face.embedding) for face in kept]
    tracks = follow(seen, starts)
    people = grouped(seen, tracks, embedders.find(embedders.DEFAULT).SAME) if kept else []
    steady = [face.landmarks for face in kept]
    for track in tracks:
        for run in _runs(kept, track):
            for face, points in zip(run, smoothed(np.stack([kept[face].landmarks for face in run])), strict=True):
                steady[face] = corrected.landmarks.get((kept[face].frame, kept[face].index), points)
    of_track = {face: number for number, track in enumerate(tracks) for face in track}
    who = {track: _number(people, person) for person in range(len(people)) for track in people[person].tracks}
    return Decided(
        [replace(face, landmarks=points) for face, points in zip(kept, steady, strict=True)],
        [of_track[face] for face in range(len(kept))],
        [int(np.searchsorted(starts, face.frame, side="right")) - 1 for face in kept],
        [who[of_track[face]] for face in range(len(kept))],
        [person.frames for person in people if not person.passes],
    )


def _number(people: Sequence[Person], place: int) -> int:
    """What a person is called: by how long it is seen, from 1; 0 for one who passes by."""
    return 0 if people[place].passes else place + 1


def _size(face: Sighting) -> float:
    return float((face.box[2:] - face.box[:2]).max())


def _runs(faces: Sequence[Sighting], track: Sequence[int]) -> Iterator[list[int]]:
    """Parts of a track without a missing frame."""
    run: list[int] = []
    for face in track:
        if run and faces[face].frame != faces[run[-1]].frame + 1:
            yield run
            run = []
        run.append(face)
    if run:
        yield run
