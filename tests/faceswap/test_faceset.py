import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tests.faceswap.made_faces import SIZE, face, names, picture

from figment.core.errors import DataError, InputError
from figment.faceswap.faceset import INDEX, Faceset


@pytest.fixture
def faceset(tmp_path: Path) -> Faceset:
    made = Faceset(tmp_path / "aligned")
    for number in range(4):
        made.add(face(f"0000{number}_0.png", frame=number), picture(number))
    return made


def test_a_face_comes_back_as_it_was(tmp_path: Path) -> None:
    embedding = np.full(128, 128**-0.5, np.float32)
    told = face("00007_1.png", frame=6, index=1, embedding=embedding, person=2, track=3, shot=4)
    Faceset(tmp_path).add(told, picture())
    (found,) = Faceset(tmp_path).faces()
    for field in fields(told):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(told, field.name), field.name)
    np.testing.assert_array_equal(Faceset(tmp_path).image(found), picture())


def test_a_folder_without_faces_is_empty_and_stays_absent(tmp_path: Path) -> None:
    assert Faceset(tmp_path / "none").faces() == []
    assert not (tmp_path / "none").exists()


def test_a_jpeg_is_close_to_its_picture(tmp_path: Path) -> None:
    faceset, smooth = Faceset(tmp_path), np.full((SIZE, SIZE, 3), (200, 120, 90), np.uint8)
    faceset.add(face("00001_0.jpg"), smooth)
    assert (tmp_path / "00001_0.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert np.abs(faceset.image(faceset.faces()[0]).astype(int) - smooth).max() <= 2


def test_dropping_and_restoring_leave_the_files_and_the_order(faceset: Faceset) -> None:
    before = {path.name: path.read_bytes() for path in faceset.folder.glob("*.png")}
    faceset.drop(["00001_0.png", "00003_0.png"], "blurred")
    assert names(faceset) == ["00000_0.png", "00002_0.png"]
    assert {(gone.name, gone.dropped) for gone in faceset.faces(dropped=True)} == {
        ("00001_0.png", "blurred"),
        ("00003_0.png", "blurred"),
    }
    assert {path.name: path.read_bytes() for path in faceset.folder.glob("*.png")} == before
    faceset.restore(["00003_0.png", "00001_0.png"])
    assert names(faceset) == sorted(before)


def test_reordering_puts_the_named_first(faceset: Faceset) -> None:
    faceset.reorder(["00002_0.png", "00000_0.png"])
    assert names(faceset) == ["00002_0.png", "00000_0.png", "00001_0.png", "00003_0.png"]
    faceset.add(face("00009_0.png"), picture())
    faceset.add(face("00002_0.png", frame=77), picture(5))  # again
    assert names(faceset)[0] == "00002_0.png"
    assert names(faceset)[-1] == "00009_0.png"
    assert faceset.faces()[0].frame == 77


def test_clearing_moves_what_is_dropped_into_a_faceset_of_its_own(faceset: Faceset, tmp_path: Path) -> None:
    faceset.drop(["00001_0.png"], "another person")
    content = (faceset.folder / "00001_0.png").read_bytes()
    assert faceset.clear(tmp_path / "bin") == 1
    assert faceset.faces(dropped=True) == []
    assert not (faceset.folder / "00001_0.png").exists()
    (gone,) = Faceset(tmp_path / "bin").faces(dropped=True)
    assert (gone.name, gone.dropped) == ("00001_0.png", "another person")
    assert (tmp_path / "bin/00001_0.png").read_bytes() == content
    assert len(faceset) == 3


@pytest.mark.parametrize("name", ["../outside.png", "/outside.png", "a\\b.png", "index.txt", "faces.sqlite"])
def test_a_name_cannot_leave_the_folder_or_be_no_picture(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        Faceset(tmp_path / "aligned").add(face(name), picture())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_unknown_names_change_nothing(faceset: Faceset) -> None:
    with pytest.raises(InputError, match=r"no face 'nobody.png'"):
        faceset.drop(["00000_0.png", "nobody.png"], "no")
    with pytest.raises(InputError, match=r"no face 'nobody.png'"):
        faceset.reorder(["nobody.png"])
    assert len(faceset) == 4
    with pytest.raises(InputError, match="reason"):
        faceset.drop(["00000_0.png"], "")


def test_a_picture_of_another_size_is_refused(faceset: Faceset) -> None:
    with pytest.raises(InputError, match="48 pixels"):
        faceset.add(face("00009_0.png"), picture()[:40])


def test_a_damaged_index_is_told(faceset: Faceset) -> None:
    (faceset.folder / INDEX).write_bytes(b"not a database" * 100)
    with pytest.raises(DataError, match=r"faces\.sqlite"):
        faceset.faces()


_WRITER = """
import sys
from pathlib import Path
from figment.faceswap.faceset import Faceset
from tests.faceswap.made_faces import face, picture
faceset = Faceset(Path(sys.argv[1]))
for number in range(100000):
    faceset.add(face(f"{number:05d}_0.png", frame=number), picture(number))
    if number % 7 == 3:
        faceset.drop([f"{number:05d}_0.png"], "seventh")
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_faceset(tmp_path: Path) -> None:
    for attempt in range(2):
        folder = tmp_path / str(attempt)
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(folder)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05 + 0.137 * attempt)
        writer.send_signal(signal.SIGKILL)
        told = len(writer.stdout.read().splitlines()) + 1
        writer.stdout.close()
        writer.wait()
        faceset = Faceset(folder)
        there = sorted([*faceset.faces(), *faceset.faces(dropped=True)], key=lambda found: found.frame)
        assert [found.frame for found in there] == list(range(len(there)))
        assert told <= len(there) <= told + 1
        for found in there:
            np.testing.assert_array_equal(faceset.image(found), picture(found.frame))
