"""The gallery: what lies on the disk afterwards, also when writing fails and when many write at once."""

import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from figment.core.errors import InputError, OutputError
from figment.pixels.clips import frames
from figment.pixels.files import encode, load, read_text
from figment.studio.clip_mark import ClipMark
from figment.studio.gallery import Gallery
from figment.studio.parameters import Settings, read
from figment.trust.badge import badge
from figment.trust.containers import without_credentials
from figment.trust.errors import CredentialsError
from figment.trust.keys import Identity
from figment.trust.labels import Ingredient, Operation, Provenance
from figment.trust.own_mark import own_watermark
from figment.trust.verify import inspect

DAY = date(2026, 11, 22)
IMAGE = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
CREATED = Provenance.of(Operation.CREATE, model="tiny")
SETTINGS = Settings(prompt="빨간 사과", steps=12, sampler="Heun", guidance=3.0, seed=7, width=24, height=16)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pictures_are_numbered_in_a_folder_by_date(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "outputs")
    first = gallery.save(IMAGE, SETTINGS, CREATED, today=DAY)
    gallery.save(IMAGE, replace(SETTINGS, seed=8), CREATED, today=DAY, format="webp")
    gallery.save(IMAGE, SETTINGS, CREATED, today=date(2026, 11, 23))
    assert first.path == tmp_path / "outputs" / "2026-11-22" / "00001-7.png"
    assert first.size == first.path.stat().st_size
    assert names(first.path.parent) == ["00001-7.png", "00002-8.webp"]
    assert names(tmp_path / "outputs") == ["2026-11-22", "2026-11-23"]


def test_numbers_go_on_after_the_highest(tmp_path: Path) -> None:
    folder = tmp_path / DAY.isoformat()
    folder.mkdir()
    for name in ("00041-1.png", "2-1.png", "notes.txt", "7up-label.png", ".00042.claim"):
        (folder / name).touch()
    assert Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, today=DAY).path.name == "00043-7.png"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp"])
def test_settings_travel_inside_the_picture(tmp_path: Path, name: str) -> None:
    saved = Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=tmp_path / "new folder" / name)
    assert saved.path.name == name
    assert read(read_text(saved.path)) == SETTINGS
    assert load(saved.path).shape == IMAGE.shape


def test_same_picture_and_settings_same_file_but_for_the_signature(tmp_path: Path) -> None:
    large = np.kron(IMAGE, np.ones((16, 16, 1), np.uint8))
    one, two = (Gallery(tmp_path).save(large, SETTINGS, CREATED, today=DAY).path for _ in range(2))
    assert one != two
    assert without_credentials(one.read_bytes(), "png") == without_credentials(two.read_bytes(), "png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_marked_and_signed(tmp_path: Path, name: str, channels: int) -> None:
    large = np.kron(IMAGE[..., :channels], np.ones((33, 22, 1), np.uint8))  # room for every bit, whatever the key
    path = Gallery(tmp_path).save(large, SETTINGS, CREATED, path=tmp_path / name).path
    report = inspect(path)
    assert report.verdict == "signed"
    assert report.watermark.present
    assert report.credentials.facts["watermark"] == {"present": True, "payload": report.watermark.payload}
    assert np.abs(load(path).astype(int) - large).mean() < 8
    again = encode(load(path), "jpeg", quality=75)
    (tmp_path / "again.jpg").write_bytes(again)
    assert inspect(tmp_path / "again.jpg").verdict == "marked"


def test_a_picture_too_small_to_be_marked_says_so(tmp_path: Path) -> None:
    report = inspect(Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, today=DAY).path)
    assert report.verdict == "signed"
    assert report.credentials.facts["watermark"] == {
        "present": False,
        "reason": "the picture is too small to carry it",
    }
    assert not report.watermark.present


def test_a_picture_that_no_model_made_has_no_settings(tmp_path: Path) -> None:
    path = Gallery(tmp_path).save(IMAGE, None, Provenance.of(Operation.COMPOSE), today=DAY).path
    assert path.name == "00001-compose.png"
    assert read_text(path) == ""
    assert inspect(path).headline.endswith("put together from other pictures.")


def test_a_broken_identity_lets_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path / "home"))
    (Identity.ensure().folder / "0001/key.pem").write_bytes(b"nonsense")
    with pytest.raises(CredentialsError, match="is damaged"):
        Gallery(tmp_path / "outputs").save(IMAGE, SETTINGS, CREATED, today=DAY)
    assert [found for found in (tmp_path / "outputs").rglob("*") if found.is_file()] == []


def test_several_pictures_for_one_path_are_numbered(tmp_path: Path) -> None:
    for index in range(3):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=tmp_path / "apple.png", index=index)
    assert names(tmp_path) == ["apple-2.png", "apple-3.png", "apple.png"]


@pytest.mark.parametrize("name", ["apple", "apple.gif", "apple.png.exe"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"one of \.png, \.jpg, \.jpeg, \.webp"):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=tmp_path / name)
    assert names(tmp_path) == []


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "album.png").mkdir()
    with pytest.raises(OutputError, match=r"is a folder; give the name of a picture file"):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=tmp_path / "album.png")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outputs").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        Gallery(tmp_path / "outputs").save(IMAGE, SETTINGS, CREATED, today=DAY)
    (tmp_path / DAY.isoformat()).touch()
    with pytest.raises(OutputError, match="it is a file, not a folder"):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, today=DAY)
    with pytest.raises(OutputError, match="Cannot write"):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=tmp_path / "outputs" / "apple.png")


@contextmanager
def disk_limit(size: int) -> Iterator[None]:
    """Files cannot grow over `size` bytes: the operating system refuses the write, as it does on a full disk."""
    Identity.ensure()
    own_watermark()  # both are at hand, so that it is the picture that finds no room
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("path", [None, "apple.png"])
def test_a_disk_that_refuses_leaves_no_part_behind(tmp_path: Path, path: str | None) -> None:
    with disk_limit(200), pytest.raises(OutputError, match="Cannot write"):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=tmp_path / path if path else None, today=DAY)
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == []


def test_a_refused_write_keeps_the_old_picture(tmp_path: Path) -> None:
    path = tmp_path / "apple.png"
    path.write_bytes(b"the old picture")
    with disk_limit(200), pytest.raises(OutputError, match="Cannot write"):
        Gallery(tmp_path).save(IMAGE, SETTINGS, CREATED, path=path)
    assert path.read_bytes() == b"the old picture"
    assert names(tmp_path) == ["apple.png"]


def test_many_processes_never_share_a_number(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(gallery.save, IMAGE, replace(SETTINGS, seed=number % 2), CREATED, today=DAY)
            for number in range(40)
        ]
        saved = sorted(picture.result().path.name for picture in waiting)
    assert [int(name[:5]) for name in saved] == list(range(1, 41))
    assert names(tmp_path / DAY.isoformat()) == saved


def encoded(path: Path, images: list[np.ndarray[Any, np.dtype[np.uint8]]]) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=12)  # of the kind that the codec makes it
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_clip_says_what_was_done_carries_the_mark_and_shows_the_label(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:240, :320]
    plain = [np.stack([rows % 256, columns % 256, (rows + 4 * n) % 256], axis=2).astype(np.uint8) for n in range(12)]
    opened, placed = (encoded(tmp_path / f"{name}.mp4", plain) for name in ("dst", "src"))
    mark = ClipMark("one clip")
    clip = encoded(tmp_path / "bare.mp4", [mark(frame) for frame in plain])
    facts = Provenance.of(
        Operation.SWAP, inputs=(Ingredient("clip", opened), Ingredient("face", placed)), consent_sha256="ab" * 32
    )
    saved = Gallery(tmp_path).save_clip(clip, mark, facts, tmp_path / "result.mp4")
    report = inspect(saved.path)
    assert report.verdict == "signed"
    assert report.watermark.payload == f"{mark.payload:016x}" == report.credentials.facts["watermark"]["payload"]
    assert [action.name for action in report.credentials.actions] == ["c2pa.opened", "c2pa.placed", "c2pa.edited"]
    assert report.credentials.facts["consent"]["sha256"] == "ab" * 32
    shown = next(frames(saved.path))
    assert np.abs(shown.astype(int) - badge(plain[0])).mean() < 4 < np.abs(badge(plain[0]).astype(int) - plain[0]).max()


def test_the_mark_of_a_clip_does_not_jump_from_frame_to_frame() -> None:
    rng = np.random.default_rng(1)
    frames = [np.full((256, 256, 3), 128, np.uint8) + rng.integers(0, 9, (256, 256, 3), np.uint8) for _ in range(2)]
    mark = ClipMark("one clip")
    first, second = (mark(frame)[:180].astype(float) - badge(frame)[:180] for frame in frames)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9


def test_a_clip_without_the_mark_does_not_claim_to_have_it(tmp_path: Path) -> None:
    clip = encoded(tmp_path / "bare.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 3)
    made = Provenance.of(Operation.CREATE, model="tiny")
    saved = Gallery(tmp_path).save_clip(clip, ClipMark("another"), made, clip)
    watermark = inspect(saved.path).credentials.facts["watermark"]
    assert watermark == {"present": False, "reason": "it would not be found in this clip"}
