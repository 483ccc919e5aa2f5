"""Comparing models: what good and bad ones get, and what cannot be compared."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from figment import families
from figment.cli.compare import command
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.dataset import Batch, Dataset
from figment.core.errors import DataError, InputError
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.families import ddpm, gan, vae
from figment.metrics.features import FeatureSpace, open_features, save_features, train_features
from figment.metrics.frechet import frechet_distance
from figment.pixels.grids import grid
from figment.studio.evaluate import as_json, compare, table


@pytest.fixture(autouse=True, scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Data home and current folder of these tests."""
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIGMENT_DATA", str(folder / "data"))
        patch.chdir(folder)
        torch.manual_seed(0)
        export(vae.Model(vae.TINY), "vae")
        export(ddpm.Model(ddpm.TINY), "ddpm")
        export(gan.Model(gan.TINY), "gan")
        yield folder


def export(model: vae.Model | ddpm.Model | gan.Model, family: str) -> None:
    families.export(model, Path(f"runs/{family}/model.safetensors"), Metadata(family, to_dict(model.config)))


@pytest.fixture(scope="module")
def space() -> FeatureSpace:
    return finish(train_features(open_dataset("digits", 8), 150))


class Unlabelled(Dataset):
    """Digits without their classes."""

    name = "unlabelled"
    image_shape = (1, 8, 8)

    def __len__(self) -> int:
        return 100

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        return Batch(open_dataset("digits", 8).batch(index, size, seed).images)


def digits(split: str, count: int = 170) -> Tensor:
    images = open_dataset("digits", 8, split=split).batch(0, count).images  # type: ignore[arg-type]  # a known split
    assert images is not None
    return images


def test_worse_pictures_are_farther_away(space: FeatureSpace) -> None:
    real, held_out = space.of(digits("train")), space.of(digits("test"))
    noisy = [space.of(digits("train") + strength * torch.randn(170, 1, 8, 8)) for strength in (0.5, 1.5)]
    distances = [frechet_distance(features, held_out) for features in (real, *noisy)]
    assert distances[0] < distances[1] < distances[2]


def test_without_classes_it_learns_which_way_is_up(space: FeatureSpace) -> None:
    assert space.learnt == "10 classes"
    other = finish(train_features(Unlabelled(), 3))
    assert other.learnt == "which way is up"
    assert other.of(digits("test", 5)).shape == (5, 128)


def test_a_feature_space_is_the_same_when_opened_again(space: FeatureSpace, tmp_path: Path) -> None:
    save_features(space, tmp_path / "features.safetensors", open_dataset("digits", 8))
    again = open_features(tmp_path / "features.safetensors")
    assert torch.equal(again.of(digits("test", 20)), space.of(digits("test", 20)))
    assert again.learnt == space.learnt


def test_models_are_measured_beside_the_best_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figment.studio.evaluate.FEATURE_STEPS", 100)
    found = finish(compare(["vae", "ddpm", "gan"], data="digits", count=60, likelihoods=4))
    real, *made = found.rows
    assert [row.family for row in found.rows] == ["none", "vae", "ddpm", "gan"]
    assert real.frechet is not None
    assert all(row.kernel is not None and row.kernel.low < row.kernel.value < row.kernel.high for row in found.rows)
    assert all(row.frechet is not None and row.frechet.value > real.frechet.value for row in made)
    assert made[0].bits_per_dim is not None
    assert made[0].nats is not None
    assert made[0].bits_per_dim == pytest.approx(made[0].nats.value / 64 / 0.693147, rel=1e-4)
    assert made[2].nats is None
    assert all(row.parameters > 0 and row.seconds_per_picture for row in made)
    assert found.sheet.shape == grid([found.sheet[:8, :8]] * 40, columns=10).shape
    text = table(found)
    assert len(text.splitlines()) == 2 + 4 + 2
    assert "not FID" in text
    assert '"learnt' not in as_json(found)


def test_json_is_all_that_standard_output_holds() -> None:
    arguments = ["vae", "--data", "digits", "-n", "20", "--likelihoods", "2", "--json", "-o", "sheet.png"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["pictures"] == 20
    assert done.stderr.strip() == "sheet.png"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="vae does not say what it was trained on"):
        finish(compare(["vae"]))
    with pytest.raises(InputError, match=r"There is no model 'nothing'"):
        finish(compare(["nothing"], data="digits"))
    torch.manual_seed(0)
    export(gan.Model(gan.Config(image_size=16, channels=1, width=8, widest=16)), "gan")
    with pytest.raises(InputError, match="compared at one size of picture"):
        finish(compare(["vae", "gan"], data="digits"))
    with pytest.raises(DataError, match="missing"):
        finish(compare(["vae"], data="folder:missing"))
