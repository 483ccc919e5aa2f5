"""Extraction: one face in every frame, one person of several, corrections, and the same bytes after kill -9."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from figment.core.errors import InputError
from figment.core.task import Progress, Task
from figment.faceswap.extract import ExtractSettings, SeveralPeople, extract
from figment.faceswap.workspace import Workspace
from figment.pixels import files

MEDIA = Path(__file__).parents[2] / ".." / "shared" / "media"
COUNT = 20
FACE = np.array([192, 70, 252, 150])
"""Where the face of the picture is, about: left, top, right, bottom."""
QUICK = ExtractSettings(size=96, turned=False)

KILLED = """
import sys
from pathlib import Path
from figment.faceswap.extract import ExtractSettings, extract
from figment.faceswap.workspace import Workspace
for progress in extract(Workspace(Path(sys.argv[1])), "src", ExtractSettings(size=96, turned=False)):
    print(progress.note, progress.step, flush=True)
"""


def left(number: int) -> int:
    """Left side of what the camera sees in a frame."""
    return 100 + 2 * number


def filmed(root: Path, bare: frozenset[int] = frozenset()) -> Workspace:
    """A workspace with a clip of 20 pictures (220, 240, 3) in which the camera goes over a face."""
    folder = root / "data_src"
    folder.mkdir(parents=True)
    for number in range(COUNT):
        frame = astronaut()[10:230, left(number) : left(number) + 240]
        shown = np.full_like(frame, 128) if number in bare else np.ascontiguousarray(frame)
        (folder / f"{number + 1:05d}.png").write_bytes(files.encode(shown, "png"))
    return Workspace(root)


def finished(task: Task[int]) -> tuple[int, list[Progress]]:
    told = []
    while True:
        try:
            told.append(next(task))
        except StopIteration as end:
            return int(end.value), told


def content(workspace: Workspace) -> dict[str, str]:
    """Digests of all pictures, and all that the index says of each face."""
    faceset = workspace.side("src").faceset
    said: dict[str, str] = {}
    for face in (*faceset.faces(), *faceset.faces(dropped=True)):
        values = (part.tobytes() for part in (face.landmarks, face.source_landmarks, face.matrix, face.box))
        about = [repr((face.frame, face.person, face.track, face.shot, face.dropped)).encode(), *values]
        picture = (faceset.folder / face.name).read_bytes()
        said[face.name] = hashlib.sha256(b"".join((*about, picture))).hexdigest()
    return said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Extracted without interruption."""
    workspace = filmed(tmp_path_factory.mktemp("whole"))
    count, told = finished(extract(workspace, "src", QUICK))
    assert count == COUNT
    assert told[-1].step == told[-1].total == COUNT
    return workspace


def test_the_face_is_found_in_every_frame_where_it_is(whole: Workspace) -> None:
    faces = whole.side("src").faceset.faces()
    assert [face.frame for face in faces] == list(range(COUNT))
    for face in faces:
        truth = FACE - [left(face.frame), 10, left(face.frame), 10]
        assert np.abs(face.box - truth).max() < 30
    drift = np.array([face.source_landmarks.mean(0) for face in faces])
    np.testing.assert_allclose(np.diff(drift, axis=0), np.tile([-2, 0], (COUNT - 1, 1)), atol=0.5)


def test_pictures_hold_the_face_where_their_landmarks_say(whole: Workspace) -> None:
    faceset = whole.side("src").faceset
    images: list[NDArray[np.uint8]] = [faceset.image(face) for face in faceset.faces()]
    assert {image.shape for image in images} == {(96, 96, 3)}
    spread = np.std([image.astype(float) for image in images[4:-4]], axis=0)
    assert spread[30:70, 30:70].mean() < 6  # laid upright, all are much the same


def test_extracting_again_does_nothing_anew(whole: Workspace) -> None:
    folder = whole.side("src").faceset.folder
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.jpg")}
    assert finished(extract(whole, "src", QUICK))[0] == COUNT
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.jpg")} == before


@pytest.mark.parametrize("seed", [0, 1])
def test_what_was_killed_goes_on_and_ends_with_the_same_bytes(whole: Workspace, tmp_path: Path, seed: int) -> None:
    workspace = filmed(tmp_path)
    chance = np.random.default_rng(seed)
    for note in ("looking", "cutting"):
        command = [sys.executable, "-c", KILLED, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(note):
                    break
            time.sleep(float(chance.uniform(0, 0.1)))
            process.send_signal(signal.SIGKILL)
    assert finished(extract(workspace, "src", QUICK))[0] == COUNT
    assert content(workspace) == content(whole)


def test_frames_without_a_face_are_counted_and_hold_none(tmp_path: Path) -> None:
    workspace = filmed(tmp_path, frozenset({3, 4}))
    assert finished(extract(workspace, "src", QUICK))[0] == COUNT - 2
    assert {3, 4}.isdisjoint(face.frame for face in workspace.side("src").faceset.faces())


def test_a_clip_without_a_face_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No face was found"):
        finished(extract(filmed(tmp_path, frozenset(range(COUNT))), "src", QUICK))


def test_a_person_who_is_not_there_is_told(whole: Workspace) -> None:
    with pytest.raises(InputError, match="no person 2"):
        finished(extract(whole, "src", ExtractSettings(size=96, turned=False, person=2)))


def test_a_dropped_face_is_left_out(tmp_path: Path) -> None:
    workspace = filmed(tmp_path)
    file = tmp_path / "corrections.json"
    file.write_text(json.dumps([{"frame": 5, "face": 0, "drop": True}]))
    settings = ExtractSettings(size=96, turned=False, corrections=file)
    assert finished(extract(workspace, "src", settings))[0] == COUNT - 1
    assert 5 not in {face.frame for face in workspace.side("src").faceset.faces()}


def test_an_added_face_lies_where_the_one_it_stands_for_was_found(whole: Workspace, tmp_path: Path) -> None:
    workspace = filmed(tmp_path)
    file = tmp_path / "corrections.json"
    box = [float(side) for side in FACE - [left(5), 10, left(5), 10]]
    file.write_text(json.dumps([{"frame": 5, "face": 0, "drop": True}, {"frame": 5, "box": box}]))
    settings = ExtractSettings(size=96, turned=False, corrections=file)
    assert finished(extract(workspace, "src", settings))[0] == COUNT
    added, found = (each.side("src").faceset.faces()[5] for each in (workspace, whole))
    assert (added.frame, added.index, added.track) == (5, 1000, found.track)
    assert np.abs(added.source_landmarks - found.source_landmarks).mean() < 2


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the clips of ../shared/media are not there")
def test_of_two_people_one_must_be_chosen_and_the_other_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "data_src.gif").write_bytes((MEDIA / "head-pose-face-detection-female-and-male.gif").read_bytes())
    workspace = Workspace(tmp_path)
    with pytest.raises(SeveralPeople, match=r"2 people .*--person") as raised:
        finished(extract(workspace, "src", QUICK))
    assert raised.value.sheet.ndim == 3
    assert finished(extract(workspace, "src", ExtractSettings(size=96, turned=False, person=2)))[0] == 56
    faceset = workspace.side("src").faceset
    assert {face.person for face in faceset.faces()} == {2}
    assert {face.dropped for face in faceset.faces(dropped=True)} == {"person 1, not 2"}
    sides = [np.mean([face.box[0] for face in faceset.faces(dropped)]) for dropped in (False, True)]
    assert abs(sides[0] - sides[1]) > 100
