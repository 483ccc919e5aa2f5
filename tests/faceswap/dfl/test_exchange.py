"""DeepFaceLab's files, made here byte by byte from their layout with Python's own pickle."""

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.faceswap.made_faces import POINTS, SIZE, face, names, picture

from figment.core.errors import DataError, FigmentError, InputError
from figment.core.task import finish
from figment.faceswap.dfl import exchange, faces, jpeg, pak
from figment.faceswap.faceset import Faceset
from figment.pixels import files

JPEG = files.encode(picture(), "jpeg")


def known(**values: Any) -> dict[str, Any]:
    made = {
        "face_type": "whole_face",
        "landmarks": (POINTS * SIZE).tolist(),
        "source_filename": "00012.png",
        "source_rect": np.array([20, 40, 116, 136]),
        "source_landmarks": (POINTS * SIZE * 2 + (20, 40)).tolist(),
        "image_to_face_mat": np.array([[0.5, 0, -10], [0, 0.5, -20]]),
        "eyebrows_expand_mod": 1.0,
    }
    return {key: value for key, value in {**made, **values}.items() if value is not None}


def dfljpg(values: Any) -> bytes:
    """After APP0, as DeepFaceLab puts it."""
    pickled = pickle.dumps(values, 4)
    first = 2 + 2 + int.from_bytes(JPEG[4:6], "big")
    return JPEG[:first] + b"\xff\xef" + struct.pack(">H", len(pickled) + 2) + pickled + JPEG[first:]


def faceset_pak(pictures: list[tuple[str, str | None, bytes]], *, absolute: bool, version: int = 1) -> bytes:
    configs = [
        {"sample_type": 1, "filename": name, "face_type": "whole_face", "shape": (SIZE, SIZE, 3), "person_name": person}
        for name, person, _ in pictures
    ]
    pickled = pickle.dumps(configs, 4)
    start = 16 + len(pickled) + 8 * (len(pictures) + 1)
    ends = np.cumsum([0] + [len(content) for *_, content in pictures]).tolist()
    ends[-1] += start if absolute else 0
    table = struct.pack(f"<{len(ends)}Q", *ends)
    return struct.pack("<QQ", version, len(pickled)) + pickled + table + b"".join(content for *_, content in pictures)


def test_a_face_is_read_and_its_picture_left_as_it_was() -> None:
    found, content = faces.read("00012_1.jpg", dfljpg(known()))
    assert content == JPEG
    assert (found.source, found.frame, found.index, found.face_type, found.size) == ("00012.png", 12, 1, "whole", SIZE)
    np.testing.assert_allclose(found.landmarks, POINTS * SIZE)
    np.testing.assert_array_equal(found.matrix, [[0.5, 0, -10], [0, 0.5, -20]])
    np.testing.assert_array_equal(found.box, [20, 40, 116, 136])


def test_what_older_files_lack_is_made_from_the_points() -> None:
    found, _ = faces.read("a.jpg", dfljpg(known(image_to_face_mat=None, source_rect=None)), 7)
    np.testing.assert_allclose(found.matrix, [[0.5, 0, -10], [0, 0.5, -20]], atol=1e-4)
    np.testing.assert_allclose(found.box[:2], found.source_landmarks.min(0))


def test_what_is_written_lies_after_the_last_app_segment_and_python_reads_it() -> None:
    told = face("00003_0.jpg", face_type="head", source="00003.png")
    content = faces.write(told, dfljpg(known()))
    assert content.count(b"\xff\xef") == 1
    first = 2 + 2 + int.from_bytes(JPEG[4:6], "big")
    assert content[:first] == JPEG[:first]
    assert content[first : first + 2] == b"\xff\xef"
    length = int.from_bytes(content[first + 2 : first + 4], "big")
    assert content[first + 2 + length :] == JPEG[first:]
    values = pickle.loads(content[first + 4 : first + 2 + length])  # noqa: S301  # bytes of our own
    assert values["face_type"] == "head"
    np.testing.assert_array_equal(values["source_rect"], told.box)
    np.testing.assert_array_equal(values["image_to_face_mat"], told.matrix)
    np.testing.assert_array_equal(np.array(values["landmarks"], np.float32), told.landmarks)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_pak_is_read_with_its_bug_and_without(tmp_path: Path, absolute: bool) -> None:
    one, other = dfljpg(known()), dfljpg(known(source_filename="00013.png"))
    path = tmp_path / "faceset.pak"
    path.write_bytes(faceset_pak([("00012_0.jpg", None, one), ("00013_0.jpg", "Ann", other)], absolute=absolute))
    assert list(pak.read(path)) == [("00012_0.jpg", "", one), ("00013_0.jpg", "Ann", other)]
    faceset = Faceset(tmp_path / "aligned")
    assert finish(exchange.import_faces(path, faceset)) == 2
    assert names(faceset) == ["00012_0.jpg", "Ann_00013_0.jpg"]
    assert [found.person for found in faceset.faces()] == [-1, 0]
    assert faceset.picture(faceset.faces()[1]).read_bytes() == JPEG


def test_the_enumeration_of_samples_is_a_number(tmp_path: Path) -> None:
    name = b"csamplelib.Sample\nSampleType\n(K\x01tR"
    content = faceset_pak([("a.jpg", None, JPEG)], absolute=False)
    length = struct.unpack_from("<Q", content, 8)[0]
    pickled = b"\x80\x04](}(X\x0b\x00\x00\x00sample_type" + name + b"X\x08\x00\x00\x00filenameX\x05\x00\x00\x00a.jpgue."
    path = tmp_path / "faceset.pak"
    path.write_bytes(struct.pack("<QQ", 1, len(pickled)) + pickled + content[16 + length :])
    assert [entry[0] for entry in pak.read(path)] == ["a.jpg"]


def test_a_faceset_goes_out_and_comes_back(tmp_path: Path) -> None:
    faceset = Faceset(tmp_path / "aligned")
    faceset.add(face("00001_0.jpg", source="00001.png", frame=1), picture(1))
    faceset.add(face("00002_0.png", source="00002.png", frame=2), picture(2))
    faceset.add(face("00003_0.jpg"), picture(3))
    faceset.drop(["00003_0.jpg"], "blurred")
    assert finish(exchange.export_folder(faceset, tmp_path / "out")) == 2
    assert finish(exchange.export_pak(faceset, tmp_path / "out.pak")) == 2
    for source in ("out", "out.pak"):
        again = Faceset(tmp_path / f"again_{source}")
        assert finish(exchange.import_faces(tmp_path / source, again)) == 2
        assert names(again) == ["00001_0.jpg", "00002_0.jpg"]
        first, told = again.faces()[0], faceset.faces()[0]
        assert again.picture(first).read_bytes() == faceset.picture(told).read_bytes()
        for field in ("landmarks", "source_landmarks", "matrix", "box", "frame", "source", "face_type"):
            np.testing.assert_array_equal(getattr(first, field), getattr(told, field), field)


def test_pictures_that_are_no_faces_are_left_out_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "00012_0.jpg").write_bytes(dfljpg(known()))
    (folder / "holiday.jpg").write_bytes(JPEG)
    warnings: list[str] = []
    faceset = Faceset(tmp_path / "aligned")
    assert finish(exchange.import_faces(folder, faceset), lambda progress: warnings.append(progress.warning)) == 1
    assert warnings == ["", "holiday.jpg is a JPEG file, but not one of DeepFaceLab's: nothing is said of its face."]
    (folder / "00012_0.jpg").unlink()
    with pytest.raises(DataError, match="None of the 1 pictures"):
        finish(exchange.import_faces(folder, Faceset(tmp_path / "none")))


class Runs:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("trace"),)


def test_hostile_files_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="refused"):
        faces.read("a.jpg", dfljpg({"landmarks": Runs()}))
    hostile = pickle.dumps([{"filename": Runs()}], 4)
    Path("faceset.pak").write_bytes(struct.pack("<QQ", 1, len(hostile)) + hostile + bytes(16))
    with pytest.raises(DataError, match="refused"):
        list(pak.read(Path("faceset.pak")))
    assert not Path("trace").exists()


def test_a_name_in_a_pak_cannot_leave_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "faceset.pak"
    path.write_bytes(faceset_pak([("..\\../evil.jpg", "../..", dfljpg(known()))], absolute=True))
    with pytest.raises(InputError):
        finish(exchange.import_faces(path, Faceset(tmp_path / "a/b/aligned")))
    assert not list(tmp_path.rglob("*evil.jpg"))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = faceset_pak([("a.jpg", None, dfljpg(known())), ("b.jpg", None, JPEG)], absolute=True)
    path = tmp_path / "faceset.pak"
    for content in (
        b"",
        whole[:12],
        whole[:60],
        whole[:-1],
        b"\x02" + whole[1:],
        whole[:8] + b"\xff" * 8 + whole[16:],
    ):
        path.write_bytes(content)
        with pytest.raises(DataError):
            list(pak.read(path))
    with pytest.raises(DataError, match="Cannot read"):
        list(pak.read(tmp_path / "none.pak"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (known(landmarks=None), "landmarks"),
        (known(landmarks=[[1, 2]]), r"shape \(1, 2\)"),
        (known(landmarks=np.full((68, 2), np.nan)), "numbers"),
        (known(face_type="mark_only"), "mark_only"),
        ([1], "does not say"),
    ],
)
def test_what_a_face_lacks_is_said(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        faces.read("a.jpg", dfljpg(values))


def test_jpeg_files_that_are_cut_off_are_refused() -> None:
    whole = dfljpg(known())
    for length in range(0, len(whole) - len(JPEG) + 20, 7):
        with pytest.raises(FigmentError):
            faces.read("a.jpg", whole[:length])
    with pytest.raises(DataError, match="65533"):
        jpeg.described(JPEG, {"mask": bytes(70_000)}, "a.jpg")
