"""Labelled pictures in memory: packaged digits, IDX files and NumPy archives."""

import contextlib
import gzip
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from figment.core.dataset import Dataset
from figment.core.errors import DataError
from figment.data.datasets import open_dataset
from figment.data.idx import open_idx, read_idx
from figment.data.npz import open_npz

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 6, 5), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 4


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def seen(dataset: Dataset) -> dict[bytes, int]:
    """Every picture of one epoch, as bytes, with its label."""
    batch = dataset.batch(0, len(dataset), seed=3)
    assert batch.images is not None
    assert batch.labels is not None
    levels = ((batch.images + 1) * 127.5).round().byte()
    return {image.numpy().tobytes(): int(label) for image, label in zip(levels, batch.labels, strict=True)}


PAIRS = {image.tobytes(): int(label) for image, label in zip(IMAGES, LABELS, strict=True)}


def test_digits_are_those_of_scikit_learn() -> None:
    whole = load_digits()
    train, test = open_dataset("digits"), open_dataset("digits", split="test")
    assert (len(train), len(test)) == (1618, 179)
    assert train.image_shape == (1, 8, 8)
    assert train.classes == tuple("0123456789")
    scaled = np.rint(whole.images * (255 / 16)).astype(np.uint8)
    assert seen(train) | seen(test) == {
        image.tobytes(): int(label) for image, label in zip(scaled, whole.target, strict=True)
    }


def test_mnist_5k_is_balanced_in_both_parts() -> None:
    for dataset, count in (
        (open_dataset("mnist-5k", 32), 450),
        (open_dataset("mnist-5k", 32, split="test"), 50),
    ):
        batch = dataset.batch(0, len(dataset))
        assert batch.labels is not None
        assert np.bincount(batch.labels.numpy()).tolist() == [count] * 10
        assert dataset.image_shape == (1, 32, 32)
        assert batch.images is not None
        assert batch.images.shape == (count * 10, 1, 32, 32)
        assert (float(batch.images.min()), float(batch.images.max())) == (-1.0, 1.0)


def test_sources_say_where_the_digits_came_from() -> None:
    source = open_dataset("mnist-5k").sources[0]
    assert source.licence == "BSD-3-Clause"
    assert source.count == 4500
    assert source.version


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_folders_and_files_are_read(tmp_path: Path, zipped: bool) -> None:
    files = {"train-images-idx3-ubyte": IMAGES, "train-labels-idx1-ubyte": LABELS, "t10k-images-idx3-ubyte": IMAGES[:3]}
    for name, array in files.items():
        content = gzip.compress(idx(array)) if zipped else idx(array)
        (tmp_path / (f"{name}.gz" if zipped else name)).write_bytes(content)
    train, test = open_idx(tmp_path, None, "train"), open_idx(tmp_path, None, "test")
    assert seen(train) == PAIRS
    assert train.classes == ("0", "1", "2", "3")
    assert train.image_shape == (1, 6, 5)
    assert len(test) == 3
    assert test.batch(0, 3).labels is None
    file = next(tmp_path.glob("train-images*"))
    assert seen(open_idx(file, None, "train")) == PAIRS
    with pytest.raises(DataError, match="give its folder"):
        open_idx(file, None, "test")


def test_idx_folders_without_the_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no images to test: no file such as t10k-images-idx3-ubyte\.gz"):
        open_idx(tmp_path, None, "test")
    with pytest.raises(DataError, match="There is no IDX file or folder"):
        open_idx(tmp_path / "none", None, "train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x0d\x01\0\0\0\1\0\0\0\0", "not an IDX file of bytes"),
        (b"\0\0\x08\x00", "not an IDX file"),
        (b"\0\0\x08\xff" + bytes(1020), "not an IDX file"),
        (b"\0\0\x08\x03\0\0\0\1", "not an IDX file"),
        (idx(IMAGES)[:-1], "cut off or damaged"),
        (idx(IMAGES) + b"\0", "cut off or damaged"),
        (gzip.compress(idx(IMAGES))[:-20], "Cannot read"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "at most 1073741824 can be read"),
    ],
)
def test_broken_idx_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "images")


def npz(path: Path, **arrays: NDArray[Any]) -> Path:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for an option
    return path


@pytest.mark.parametrize(
    ("images", "labels"), [("x_train", "y_train"), ("train_images", "train_labels")], ids=["keras", "medmnist"]
)
def test_divided_archives_are_read(tmp_path: Path, images: str, labels: str) -> None:
    test_images, test_labels = images.replace("train", "test"), labels.replace("train", "test")
    arrays = {images: IMAGES, labels: LABELS[:, None], test_images: IMAGES[:2], test_labels: LABELS[:2]}
    path = npz(tmp_path / "set.npz", **arrays)
    assert seen(open_npz(path, None, "train")) == PAIRS
    assert len(open_npz(path, None, "test")) == 2


def test_whole_archives_are_divided(tmp_path: Path) -> None:
    path = npz(tmp_path / "set.npz", images=np.asfortranarray(IMAGES), labels=LABELS.astype(np.int64))
    train, test = open_npz(path, None, "train"), open_npz(path, None, "test")
    assert (len(train), len(test)) == (18, 2)
    assert seen(train) | seen(test) == PAIRS


def test_colour_pictures_without_labels(tmp_path: Path) -> None:
    path = npz(tmp_path / "set.npz", arr_0=np.zeros((20, 4, 4, 3), np.uint8))
    dataset = open_npz(path, 16, "train")
    assert dataset.image_shape == (3, 16, 16)
    assert dataset.batch(0, 2).labels is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": LABELS}, "no array of images to train: there is weights"),
        ({"x_train": IMAGES / 255}, "pictures must be uint8"),
        ({"x_train": IMAGES, "y_train": LABELS[:5]}, "20 images but 5 labels"),
        ({"x_train": IMAGES, "y_train": LABELS / 2}, "whole numbers"),
        ({"x_train": IMAGES, "y_train": LABELS.astype(np.int64) - 1}, "labels of .* must be numbers from 0"),
        ({"x_train": LABELS}, r"have shape 20; it must be \(N, H, W\)"),
        ({"x_train": IMAGES[:0]}, "have shape 0x6x5"),
        ({"x_train": np.array([{}], dtype=object)}, "not made of numbers"),
    ],
)
def test_unfit_archives_are_refused(tmp_path: Path, arrays: dict[str, NDArray[Any]], message: str) -> None:
    path = npz(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match=message):
        open_npz(path, None, "train")


def test_a_header_cannot_claim_memory(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 28, 28)})
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("x_train.npy", content.getvalue())
    with pytest.raises(DataError, match="damaged, too large"):
        open_npz(tmp_path / "set.npz", None, "train")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(DataError, match=r"not a whole \.npz archive"):
        open_npz(tmp_path / "set.npz", None, "train")
    with pytest.raises(DataError, match="There is no archive"):
        open_npz(tmp_path / "none.npz", None, "train")


def test_a_name_that_is_cut_short_is_no_array(tmp_path: Path) -> None:
    """As zipfile reads a name one of whose bytes became 0."""
    with zipfile.ZipFile(tmp_path / "cut.npz", "w") as archive:
        archive.writestr("x_train", b"")
    with pytest.raises(DataError, match="has no array of images to train: there is nothing"):
        open_npz(tmp_path / "cut.npz", None, "train")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(place=st.integers(0, 10**6), patch=st.binary(min_size=1, max_size=8), stored=st.booleans())
def test_damaged_archives_are_data_errors(tmp_path: Path, place: int, patch: bytes, stored: bool) -> None:
    whole = io.BytesIO()
    (np.savez if stored else np.savez_compressed)(whole, x_train=IMAGES, y_train=LABELS)
    content = bytearray(whole.getvalue())
    start = place % len(content)
    content[start : start + len(patch)] = patch
    (tmp_path / "patched.npz").write_bytes(content)
    with contextlib.suppress(DataError):
        assert open_npz(tmp_path / "patched.npz", None, "train").image_shape is not None
