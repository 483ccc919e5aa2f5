"""Pictures made larger, and what their credentials say of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from tests.diffusion.test_upscalers import weights

from figment.core.errors import InputError
from figment.core.task import Task
from figment.diffusion.upscalers import compact
from figment.pixels.files import load
from figment.studio.enlarge import Size, enlarge, target
from figment.studio.gallery import Gallery
from figment.trust.verify import inspect


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    ramp = np.broadcast_to(np.linspace(0, 255, 30, dtype=np.uint8)[:, None], (20, 30, 3))
    Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / "small.png")
    return tmp_path / "small.png"


def end(task: Task[Path]) -> Path:
    while True:
        try:
            next(task)
        except StopIteration as stop:
            path: Path = stop.value
            return path


@pytest.mark.parametrize(
    ("size", "found"),
    [(Size(1.5), (30, 45)), (Size(fill=(40, 40)), (40, 60)), (Size(fill=(40, 40), cut=False), (40, 60))],
)
def test_a_size_is_reached_from_above(size: Size, found: tuple[int, int]) -> None:
    assert target((20, 30), size) == found


def test_more_than_can_be_kept_is_refused() -> None:
    with pytest.raises(InputError, match="40 million"):
        target((4000, 4000), Size(8.0))


def test_what_sticks_out_is_cut_or_kept(picture: Path, tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "outputs")
    cut = end(enlarge(picture, Size(fill=(40, 40)), "Lanczos", "", 0, gallery))
    kept = end(enlarge(picture, Size(fill=(40, 40), cut=False), "Lanczos", "", 0, gallery))
    assert (load(cut).shape, load(kept).shape) == ((40, 40, 3), (40, 60, 3))


def test_two_ways_are_mixed(picture: Path, tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "outputs")
    one, other, mixed = (
        load(end(enlarge(picture, Size(2.0), first, "Nearest", share, gallery))).astype(int)
        for first, share in (("Lanczos", 0.0), ("Nearest", 0.0), ("Lanczos", 0.25))
    )
    assert np.abs(mixed - (0.75 * one + 0.25 * other)).mean() < 1.5  # the watermarks differ


def test_credentials_tell_a_network_from_resampling(picture: Path, tmp_path: Path) -> None:
    gallery, folder = Gallery(tmp_path / "outputs"), tmp_path / "models" / "ESRGAN"
    folder.mkdir(parents=True)
    save_file(weights(compact._Compact(4, 1, 2)), folder / "tiny.safetensors")
    resampled = inspect(end(enlarge(picture, Size(2.0), "Lanczos", "", 0, gallery, tmp_path)))
    invented = inspect(end(enlarge(picture, Size(2.0), "tiny", "", 0, gallery, tmp_path)))
    assert "c2pa.resized" in str(resampled)
    assert "c2pa.resized" not in str(invented)
    assert "trainedAlgorithmicMedia" in str(invented) or "TrainedAlgorithmicMedia" in str(invented)
