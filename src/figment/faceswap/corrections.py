"""What the user knows better than the models: landmarks moved, faces taken out or put in, in a JSON file.

    [
      {"frame": 12, "face": 0, "landmarks": [[x, y], ... 68 points]},
      {"frame": 13, "face": 1, "drop": true},
      {"frame": 14, "box": [left, top, right, bottom]}
    ]

Frames count from 0, faces of a frame from 0, points are in pixels of the frame. The last line adds a face.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from figment.core.errors import InputError

__all__ = ["Corrections", "read"]

Coordinate = Annotated[float, Field(ge=-65536, le=65536)]
Number = Annotated[int, Field(ge=0)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    frame: Number
    face: Number | None = None
    landmarks: Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=68, max_length=68)] | None = None
    drop: bool = False
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None


@dataclass(frozen=True)
class Corrections:
    """What is to be taken otherwise, by frame and face."""

    landmarks: dict[tuple[int, int], NDArray[np.float32]]
    """(68, 2) points."""
    dropped: frozenset[tuple[int, int]]
    added: dict[int, list[NDArray[np.float32]]]
    """Boxes (4,) of faces to be looked at, by frame."""


NONE = Corrections({}, frozenset(), {})


def read(path: Path) -> Corrections:
    """The corrections in the file at `path`. Raises InputError for one that says something else."""
    try:
        lines = TypeAdapter(list[_Line]).validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"Cannot read the corrections {path}: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join(map(str, first["loc"])) or "the file"
        raise InputError(f"The corrections {path} are wrong at {place}: {first['msg'].lower()}.") from None
    landmarks, dropped, added = {}, set(), dict[int, list[NDArray[np.float32]]]()
    for number, line in enumerate(lines):
        said = [line.landmarks is not None, line.drop, line.box is not None]
        if sum(said) != 1 or (line.face is None) != (line.box is not None):
            raise InputError(
                f"Line {number + 1} of the corrections {path} must give a face with landmarks or drop, or a box alone."
            )
        if line.box is not None:
            added.setdefault(line.frame, []).append(np.array(line.box, np.float32))
        elif line.drop:
            dropped.add((line.frame, line.face or 0))
        else:
            landmarks[line.frame, line.face or 0] = np.array(line.landmarks, np.float32)
    return Corrections(landmarks, frozenset(dropped), added)
