import json
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tests.faceswap.made_faces import face, names, picture

from figment.core.errors import DataError, InputError
from figment.core.task import finish
from figment.faceswap.faceset import Faceset
from figment.faceswap.pack import pack, unpack


@pytest.fixture
def faceset(tmp_path: Path) -> Faceset:
    made = Faceset(tmp_path / "aligned")
    unit = np.random.default_rng(1).normal(size=128).astype(np.float32)
    made.add(face("00000_0.png", embedding=unit / np.linalg.norm(unit), person=1, track=2, shot=3), picture(0))
    for number in range(1, 4):
        made.add(face(f"0000{number}_0.jpg", frame=number, source="한글.mp4"), picture(number))
    made.reorder(["00003_0.jpg", "00001_0.jpg"])
    made.drop(["00001_0.jpg"], "another person")
    return made


def test_what_was_packed_comes_back_byte_for_byte(faceset: Faceset, tmp_path: Path) -> None:
    assert finish(pack(faceset, tmp_path / "a.faces")) == 4
    again = Faceset(tmp_path / "again")
    assert finish(unpack(tmp_path / "a.faces", again)) == 4
    for dropped in (False, True):
        assert names(again, dropped) == names(faceset, dropped)
        for told, found in zip(faceset.faces(dropped), again.faces(dropped), strict=True):
            for field in fields(told):
                np.testing.assert_array_equal(getattr(found, field.name), getattr(told, field.name), field.name)
            assert again.picture(found).read_bytes() == faceset.picture(told).read_bytes()
    finish(pack(again, tmp_path / "b.faces"))
    assert (tmp_path / "a.faces").read_bytes() == (tmp_path / "b.faces").read_bytes()


def test_the_originals_stay_unless_a_bin_is_named(faceset: Faceset, tmp_path: Path) -> None:
    before = sorted(path.name for path in faceset.folder.iterdir())
    finish(pack(faceset, tmp_path / "a.faces"))
    assert sorted(path.name for path in faceset.folder.iterdir()) == before
    finish(pack(faceset, tmp_path / "a.faces", tmp_path / "bin/1/aligned"))
    assert not faceset.folder.exists()
    assert sorted(path.name for path in (tmp_path / "bin/1/aligned").iterdir()) == before


def test_nothing_is_overwritten(faceset: Faceset, tmp_path: Path) -> None:
    finish(pack(faceset, tmp_path / "a.faces"))
    with pytest.raises(InputError, match=r"has a face 00003_0\.jpg already"):
        finish(unpack(tmp_path / "a.faces", faceset))
    (tmp_path / "bin").mkdir()
    with pytest.raises(InputError, match="there already"):
        finish(pack(faceset, tmp_path / "b.faces", tmp_path / "bin"))
    assert not (tmp_path / "b.faces").exists()
    with pytest.raises(InputError, match="no faces"):
        finish(pack(Faceset(tmp_path / "none"), tmp_path / "b.faces"))


def test_a_pack_that_is_cut_off_or_changed_is_refused(faceset: Faceset, tmp_path: Path) -> None:
    path, again = tmp_path / "a.faces", Faceset(tmp_path / "again")
    finish(pack(faceset, path))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"\x89PNG") + 200] ^= 1
    for damaged in (whole[: len(whole) // 2], bytes(flipped), b"", b"no zip"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="not a whole pack"):
            finish(unpack(path, again))
    assert len(again) == 0
    with pytest.raises(DataError, match="no file"):
        finish(unpack(tmp_path / "none.faces", again))


def test_a_hostile_pack_writes_nothing_outside(faceset: Faceset, tmp_path: Path) -> None:
    finish(pack(faceset, tmp_path / "a.faces"))
    with zipfile.ZipFile(tmp_path / "a.faces") as archive:
        line = json.loads(archive.read("faces.jsonl").splitlines()[0])
    line["name"] = "../../evil.png"
    with zipfile.ZipFile(tmp_path / "evil.faces", "w") as archive:
        archive.writestr("faces.jsonl", json.dumps(line))
        archive.writestr("../../evil.png", b"picture")
    with pytest.raises(InputError):
        finish(unpack(tmp_path / "evil.faces", Faceset(tmp_path / "deep/er/again")))
    assert not list(tmp_path.rglob("evil.png"))


def test_a_compressed_pack_is_refused(faceset: Faceset, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.faces", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("faces.jsonl", " " * 10**6)
    with pytest.raises(DataError, match="compressed"):
        finish(unpack(tmp_path / "bomb.faces", Faceset(tmp_path / "again")))


def test_a_face_of_another_type_survives(tmp_path: Path) -> None:
    faceset = Faceset(tmp_path / "aligned")
    faceset.add(replace(face("00000_0.png"), face_type="head"), picture())
    finish(pack(faceset, tmp_path / "a.faces"))
    finish(unpack(tmp_path / "a.faces", Faceset(tmp_path / "again")))
    assert Faceset(tmp_path / "again").faces()[0].face_type == "head"
