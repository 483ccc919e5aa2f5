"""IDX files, in which MNIST, Fashion-MNIST, EMNIST and Kuzushiji-MNIST come, plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist, "the IDX file format".
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.dataset import Source
from figment.core.errors import DataError
from figment.data.arrays import ArrayDataset
from figment.data.splits import Split

__all__ = ["open_idx", "read_idx"]

MAX_BYTES = 2**30
"""Most bytes that an unpacked file may hold; EMNIST, the largest of its kind, has 640 MB."""

_PREFIXES = {"train": ("train",), "test": ("t10k", "test")}
_BYTES = 8  # code of the only element type that the picture sets use
_DIMENSIONS = range(1, 5)  # labels (N,) to colour images (N, H, W, C)


def open_idx(path: Path, image_size: int | None, split: Split) -> ArrayDataset:
    """Pictures (1, H, W) of an images file, or of a folder with files such as train-images-idx3-ubyte.gz.

    Labels are taken from the file beside it that is named the same but for "labels". An images file alone has only
    the split "train". Raises DataError when files are missing, broken or too large.
    """
    images_path = path if path.is_file() else _images_in(path, split)
    if path.is_file() and split != "train":
        raise DataError(f"{path} is one file of images; give its folder, in which there may be a file for testing.")
    images = read_idx(images_path)
    labels_path = _labels_beside(images_path)
    labels = None if labels_path is None else read_idx(labels_path).astype(np.int64)
    source = Source(path.name, "", "NOASSERTION", len(images) if images.ndim else 0)
    return ArrayDataset(f"idx:{path}", (images, labels), source, image_size)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of bytes in the IDX file at `path`, of the shape that its header gives. Raises DataError."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            shape = _shape(path, file.read(4), file.read(16))
            size = math.prod(shape)
            if size > MAX_BYTES:
                raise DataError(f"{path} holds {size} bytes; at most {MAX_BYTES} can be read.")
            file.seek(4 + 4 * len(shape))
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"Cannot read {path}: {error}.") from error
    if len(content) != size:
        raise DataError(f"{path} is cut off or damaged: its header tells of {size} bytes, which are not what follows.")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, magic: bytes, sizes: bytes) -> tuple[int, ...]:
    """Shape from the header: two zero bytes, element type, number of dimensions, then each as 32 bits, big-endian."""
    known = magic.startswith(bytes((0, 0, _BYTES))) and len(magic) == 4 and magic[3] in _DIMENSIONS
    if not known or len(sizes) < 4 * magic[3]:
        raise DataError(f"{path} is not an IDX file of bytes, as MNIST's are.")
    return tuple(int(size) for size in np.frombuffer(sizes, ">u4", magic[3]))


def _images_in(folder: Path, split: Split) -> Path:
    if not folder.is_dir():
        raise DataError(f"There is no IDX file or folder {folder}.")
    found = [path for path in sorted(folder.iterdir()) if "images" in path.name and "idx3" in path.name]
    prefixes = _PREFIXES[split]
    chosen = [path for path in found if any(prefix in path.name for prefix in prefixes)]
    if not chosen:
        raise DataError(f"{folder} has no images to {split}: no file such as {prefixes[0]}-images-idx3-ubyte.gz.")
    return chosen[0]


def _labels_beside(images: Path) -> Path | None:
    """The labels file of an images file, whichever of the two is gzipped."""
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    candidates = [images.with_name(name), images.with_name(f"{name}.gz")]
    return next((path for path in candidates if path != images and path.is_file()), None)
