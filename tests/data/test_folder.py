"""Folders of the user's images: captions, classes, and what is wrong with them."""

import json
from pathlib import Path

import numpy as np
import pytest

from figment.core.errors import DataError
from figment.data.folder import FolderDataset
from figment.pixels.files import encode


def paint(path: Path, level: int = 128, height: int = 10, width: int = 14) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(np.full((height, width, 3), level, np.uint8), "png"))
    return path


def test_images_are_cut_to_the_middle_square(tmp_path: Path) -> None:
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 255
    (tmp_path / "wide.png").write_bytes(encode(image, "png"))
    batch = FolderDataset(tmp_path, 8).batch(0, 1)
    assert batch.images is not None
    assert batch.images.shape == (1, 3, 8, 8)
    assert float(batch.images[..., 2:6].min()) > 0.9
    assert batch.texts is None
    assert batch.labels is None


def test_caption_files_lie_beside_their_images(tmp_path: Path) -> None:
    paint(tmp_path / "deep" / "a.png").with_suffix(".txt").write_text("a red\napple \n", encoding="utf-8")
    paint(tmp_path / "b.PNG").with_suffix(".txt").write_text("빨간 사과", encoding="utf-8-sig")
    dataset = FolderDataset(tmp_path, 8, captions=True)
    assert set(dataset.batch(0, 2).texts or ()) == {"a red apple", "빨간 사과"}


def test_metadata_lines_name_images_from_their_folder(tmp_path: Path) -> None:
    for name in ("a.png", "deep/b.png", "deep/c.png"):
        paint(tmp_path / name)
    rows = [{"file_name": "a.png", "text": "one"}, {"file_name": "deep/b.png", "text": "two"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    (tmp_path / "deep" / "metadata.csv").write_text('file_name,text\nc.png,"three, and more"\n', encoding="utf-8")
    dataset = FolderDataset(tmp_path, 8, captions=True)
    assert set(dataset.batch(0, 3).texts or ()) == {"one", "two", "three, and more"}


def test_a_caption_file_goes_before_metadata(tmp_path: Path) -> None:
    paint(tmp_path / "a.png").with_suffix(".txt").write_text("from the file")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "from metadata"}')
    assert FolderDataset(tmp_path).batch(0, 1).texts == ("from the file",)


def test_missing_captions_matter_where_they_are_needed(tmp_path: Path) -> None:
    paint(tmp_path / "a.png").with_suffix(".txt").write_text("a")
    paint(tmp_path / "b.png")
    assert set(FolderDataset(tmp_path).batch(0, 2).texts or ()) == {"a", ""}
    with pytest.raises(DataError, match=r"1 of 2 images have no caption, the first is .*b\.png"):
        FolderDataset(tmp_path, captions=True)


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    paint(tmp_path / "dog" / "a.png", 0)
    paint(tmp_path / "cat" / "old" / "b.png", 255)
    dataset = FolderDataset(tmp_path, 8)
    batch = dataset.batch(0, 2)
    assert dataset.classes == ("cat", "dog")
    assert batch.labels is not None
    assert batch.images is not None
    bright = batch.images.mean(dim=(1, 2, 3)) > 0
    assert bright.tolist() == (batch.labels == 0).tolist()


def test_train_and_test_folders_divide(tmp_path: Path) -> None:
    paint(tmp_path / "train" / "cat" / "a.png")
    paint(tmp_path / "train" / "dog" / "b.png")
    paint(tmp_path / "test" / "cat" / "c.png")
    assert len(FolderDataset(tmp_path)) == 2
    assert len(FolderDataset(tmp_path, split="test")) == 1
    assert FolderDataset(tmp_path).classes == ("cat", "dog")


def test_batches_are_the_same_every_time(tmp_path: Path) -> None:
    for level in range(5):
        paint(tmp_path / f"{level}.png", level * 60)
    first, again = FolderDataset(tmp_path, 4), FolderDataset(tmp_path, 4)
    for index in (3, 0, 3):
        one, two = first.batch(index, 3, seed=1).images, again.batch(index, 3, seed=1).images
        assert one is not None
        assert two is not None
        assert one.equal(two)


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    dataset = FolderDataset(tmp_path)
    with pytest.raises(DataError, match=r"broken\.jpg is a damaged picture"):
        dataset.batch(0, 1)


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    paint(tmp_path / "._a.png")
    with pytest.raises(DataError, match=r"holds no images; it must hold some that end in \.png, \.jpg"):
        FolderDataset(tmp_path)
    with pytest.raises(DataError, match="There is no folder"):
        FolderDataset(tmp_path / "none")
    with pytest.raises(DataError, match="nothing to test on"):
        FolderDataset(tmp_path, split="test")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metadata.jsonl", b"{", "line 1, is not JSON"),
        ("metadata.jsonl", b'{"file_name": "a.png"}\n[]', "line 2, has no file_name"),
        ("metadata.jsonl", b"[" * 100_000, "line 1, is not JSON"),
        ("metadata.csv", b"text\nhello", "line 2, has no file_name"),
        ("a.txt", b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_broken_captions_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    paint(tmp_path / "a.png")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"/{name}\b.* {message}"):
        FolderDataset(tmp_path)
