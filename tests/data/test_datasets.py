"""Data sets by name."""

from pathlib import Path

import numpy as np
import pytest

from figment.core.errors import DataError, InputError
from figment.data.datasets import DATASETS, open_dataset
from figment.pixels.files import encode


@pytest.mark.parametrize("name", ["", "mnist", "folder", "folder:", "sprites:other", "digits:test"])
def test_unknown_names_list_what_there_is(name: str) -> None:
    with pytest.raises(InputError, match=f"No data set {name!r}; there are: {', '.join(DATASETS)}."):
        open_dataset(name)


@pytest.mark.parametrize("size", [0, -8, 100_000])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(InputError, match="it must be 1 to 2048"):
        open_dataset("digits", size)


@pytest.mark.parametrize("name", ["digits", "mnist-5k", "idx:somewhere", "npz:somewhere"])
def test_sets_without_captions_are_refused_where_they_are_needed(name: str) -> None:
    with pytest.raises(InputError, match="has no captions; sprites, scenes and folder:PATH can have them"):
        open_dataset(name, captions=True)


@pytest.mark.parametrize("name", ["folder:none", "idx:none", "npz:none"])
def test_paths_that_are_not_there_are_data_errors(name: str) -> None:
    with pytest.raises(DataError, match="There is no"):
        open_dataset(name)


@pytest.mark.parametrize("name", ["sprites", "sprites:heldout", "scenes", "scenes:heldout"])
def test_sprites_must_be_built_first(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_DATA", str(tmp_path))
    with pytest.raises(DataError, match="figment data build sprites"):
        open_dataset(name, 64)


def test_a_folder_is_opened_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(np.zeros((4, 4, 3), np.uint8), "png"))
    dataset = open_dataset(f"folder:{tmp_path}", 16)
    assert dataset.name == f"folder:{tmp_path}"
    assert dataset.image_shape == (3, 16, 16)


def test_black_and_white_pixels_are_drawn_once_and_as_bright_on_average() -> None:
    grey, black_and_white = open_dataset("digits"), open_dataset("binary:digits")
    first, again = (black_and_white.batch(0, 1000).images for _ in range(2))
    images = grey.batch(0, 1000).images
    assert first is not None
    assert again is not None
    assert images is not None
    assert set(first.flatten().tolist()) == {-1.0, 1.0}
    assert bool((first == again).all())
    assert float((first - images).mean()) == pytest.approx(0, abs=0.01)
    assert black_and_white.classes == grey.classes
    assert len(open_dataset("binary:digits", split="test")) == len(open_dataset("digits", split="test"))


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("binary:words", None, "There are no word vectors|cannot be made black and white"),
        ("binary:digits", 16, "keep their size: 8x8, not 16 pixels"),
        ("binary:nothing", None, "No data set 'nothing'"),
    ],
)
def test_what_cannot_be_black_and_white_is_refused(name: str, size: int | None, said: str) -> None:
    with pytest.raises((InputError, DataError), match=said):
        open_dataset(name, size)
