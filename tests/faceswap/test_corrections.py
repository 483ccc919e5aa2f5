"""Corrections: what a file may say, and what is refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figment.core.errors import InputError
from figment.faceswap.corrections import NONE, read
from figment.faceswap.deciding import decided
from figment.faceswap.finds import Sighting

POINTS = [[float(number), 2.0 * number] for number in range(68)]


def written(folder: Path, lines: Any) -> Path:
    path = folder / "corrections.json"
    path.write_text(json.dumps(lines))
    return path


def sightings(count: int = 12) -> list[Sighting]:
    direction = np.eye(128, dtype=np.float32)[0]
    return [Sighting(frame, 0, 1.0, np.array(POINTS, np.float32), direction) for frame in range(count)]


def test_a_file_moves_drops_and_adds_faces(tmp_path: Path) -> None:
    lines = [{"frame": 3, "face": 1, "landmarks": POINTS}, {"frame": 4, "face": 0, "drop": True}]
    found = read(written(tmp_path, [*lines, {"frame": 5, "box": [1, 2, 30, 40]}]))
    np.testing.assert_array_equal(found.landmarks[3, 1], np.array(POINTS, np.float32))
    assert found.dropped == {(4, 0)}
    np.testing.assert_array_equal(found.added[5], [[1, 2, 30, 40]])


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ({"frame": 1}, "wrong at the file"),
        ([{"frame": -1, "face": 0, "drop": True}], "wrong at 0 frame"),
        ([{"frame": 1, "face": 0, "landmarks": POINTS[:67]}], "wrong at 0 landmarks"),
        ([{"frame": 1, "face": 0, "landmarks": [[1e9, 0], *POINTS[1:]]}], "wrong at 0 landmarks 0"),
        ([{"frame": 1, "face": 0, "remove": True}], "wrong at 0 remove"),
        ([{"frame": 1, "face": 0}], "Line 1"),
        ([{"frame": 1, "drop": True}], "Line 1"),
        ([{"frame": 1, "face": 0, "box": [0, 0, 1, 1]}], "Line 1"),
        ([{"frame": 1, "face": 0, "drop": True, "landmarks": POINTS}], "Line 1"),
    ],
)
def test_what_says_something_else_is_refused_with_its_place(tmp_path: Path, lines: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(written(tmp_path, lines))


def test_no_file_and_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot read"):
        read(tmp_path / "none.json")
    (tmp_path / "text").write_text("frame 1")
    with pytest.raises(InputError, match="wrong at the file"):
        read(tmp_path / "text")


def test_corrected_points_are_taken_as_they_are_and_dropped_faces_are_gone(tmp_path: Path) -> None:
    moved = (np.array(POINTS) + 7).tolist()
    lines = [{"frame": 3, "face": 0, "landmarks": moved}, {"frame": 11, "face": 0, "drop": True}]
    signs = np.zeros((12, 3, 8, 8), np.uint8)
    made = decided(sightings(), signs, 10, read(written(tmp_path, lines)))
    assert [face.frame for face in made.faces] == list(range(11))
    np.testing.assert_array_equal(made.faces[3].landmarks, np.array(moved, np.float32))
    np.testing.assert_allclose(made.faces[4].landmarks, np.array(POINTS), atol=1e-2)
    assert made.counts == [11]


def test_a_correction_of_a_face_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="face 1 of frame 2"):
        decided(sightings(), np.zeros((12, 3, 8, 8), np.uint8), 10, read(written(tmp_path, [_drop(2, 1)])))


def test_small_faces_are_passed_over() -> None:
    signs = np.zeros((12, 3, 8, 8), np.uint8)
    assert len(decided(sightings(), signs, 134, NONE).faces) == 12
    assert decided(sightings(), signs, 135, NONE).faces == []


def _drop(frame: int, face: int) -> dict[str, Any]:
    return {"frame": frame, "face": face, "drop": True}
