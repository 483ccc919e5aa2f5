"""Grids of samples that go on from a picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from figment import families
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families import ddpm, pixelcnn
from figment.pixels.files import encode, load
from figment.studio.contact import sample_grid
from figment.trust.verify import inspect


@pytest.fixture(autouse=True, scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("grids")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        torch.manual_seed(0)
        for family, model in (("pixelcnn", pixelcnn.Model(pixelcnn.TINY)), ("ddpm", ddpm.Model(ddpm.TINY))):
            path = Path(f"runs/{family}/model.safetensors")
            families.export(model, path, Metadata(family, to_dict(model.config)))
        picture = np.full((8, 8, 1), 255, np.uint8)
        write_bytes(Path("white.png"), encode(picture, "png"))
        write_bytes(Path("corner.png"), encode(np.pad(picture[:4, :4], ((0, 4), (0, 4), (0, 0))), "png"))
        yield folder


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("lower", np.s_[:4, :]),
        ("upper", np.s_[4:, :]),
        ("left", np.s_[:, 4:]),
        ("right", np.s_[:, :4]),
        ("corner.png", np.s_[4:, :]),
    ],
)
@pytest.mark.parametrize("family", ["pixelcnn", "ddpm"])
def test_what_the_mask_leaves_out_stays_and_the_rest_is_new(family: str, mask: str, kept: tuple[slice, slice]) -> None:
    request = SampleRequest(count=1, steps=3)
    path = finish(sample_grid(family, request, out=Path("out.png"), init=Path("white.png"), mask=mask))
    cell = load(path)[2:10, 2:10]
    assert cell[kept].min() > 240  # white but for the watermark
    assert cell.min() < 200
    report = inspect(path)
    assert "partly made" in report.headline
    assert [one.title for one in report.credentials.ingredients] == ["start picture"]


def test_bad_masks_are_refused() -> None:
    with pytest.raises(InputError, match="give --init"):
        finish(sample_grid("pixelcnn", SampleRequest(), mask="lower"))
    write_bytes(Path("wide.png"), encode(np.zeros((8, 12, 1), np.uint8), "png"))
    with pytest.raises(InputError, match="12x8 pixels and the picture 8x8"):
        finish(sample_grid("pixelcnn", SampleRequest(), init=Path("white.png"), mask="wide.png"))
    with pytest.raises(InputError, match="or one of lower"):
        finish(sample_grid("pixelcnn", SampleRequest(), init=Path("white.png"), mask="middle"))
