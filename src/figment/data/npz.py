"""NumPy archives (.npz) of labelled pictures, such as the MNIST file that Keras uses and the MedMNIST files."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from figment.core.dataset import Source
from figment.core.errors import DataError
from figment.data.arrays import ArrayDataset, Labelled
from figment.data.splits import Split, split_of

__all__ = ["open_npz"]

MAX_BYTES = 2**31
"""Most bytes that one array may hold."""

_DIVIDED = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
_WHOLE = (("images", "labels"), ("x", "y"), ("arr_0", "arr_1"))


def open_npz(path: Path, image_size: int | None, split: Split) -> ArrayDataset:
    """Pictures and labels of the archive at `path`, named as Keras (x_train, y_train), MedMNIST (train_images,
    train_labels) or plainly (images, labels); of the last, every tenth example is for testing.

    Raises DataError when the archive is missing, broken, too large or has no pictures of bytes.
    """
    if not path.is_file():
        raise DataError(f"There is no archive {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            examples = _examples(path, archive, split)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} is not a whole .npz archive ({error}); copy it again.") from error
    source = Source(path.name, "", "NOASSERTION", len(examples[0]) if examples[0].ndim else 0)
    return ArrayDataset(f"npz:{path}", examples, source, image_size)


def _examples(path: Path, archive: zipfile.ZipFile, split: Split) -> Labelled:
    names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    for images, labels in _DIVIDED[split]:
        if images in names:
            return _pair(path, archive, images, labels if labels in names else None)
    for images, labels in _WHOLE:
        if images in names:
            return split_of(_pair(path, archive, images, labels if labels in names else None), split)
    known = ", ".join(images for images, _ in (*_DIVIDED[split], *_WHOLE))
    shown = ", ".join(sorted(names)[:8]) or "nothing"
    raise DataError(f"{path} has no array of images to {split}: there is {shown}; it must be one of {known}.")


def _pair(path: Path, archive: zipfile.ZipFile, images_name: str, labels_name: str | None) -> Labelled:
    images = _array(path, archive, images_name)
    if images.dtype != np.uint8:
        raise DataError(f"{images_name} in {path} holds {images.dtype}; pictures must be uint8, from 0 to 255.")
    if labels_name is None:
        return images, None
    labels = _array(path, archive, labels_name)
    if labels.dtype.kind not in "iu":
        raise DataError(f"{labels_name} in {path} holds {labels.dtype}; labels must be whole numbers.")
    column = labels.ndim == 2 and labels.shape[1] == 1  # MedMNIST's labels are a column
    return images, (labels[:, 0] if column else labels).astype(np.int64)


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Array `name`. Its header is held against the size of the file before anything is allocated for it."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        try:
            version = npy.read_magic(file)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, columns_first, dtype = read_header(file)
        except ValueError as error:
            raise DataError(f"{name} in {path} is not a NumPy array ({error}).") from error
        size = math.prod(shape) * dtype.itemsize
        plain = dtype.kind in "biuf" and len(shape) <= 4
        if not plain or size > MAX_BYTES or size != info.file_size - file.tell():
            raise DataError(f"{name} in {path} is damaged, too large or not made of numbers; copy it again.")
        content = file.read(size)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if columns_first else "C")
