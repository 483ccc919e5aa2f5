"""FID's own network as a file: one of the same kind, made here, and what is no such file."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from figment.core.errors import CheckpointError
from figment.metrics.frechet import frechet_distance
from figment.metrics.inception import open_inception


class Scripted(nn.Module):
    """Takes and returns what the scripted Inception network does; its features are quarters' mean levels."""

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        assert images.dtype == torch.uint8
        features = nn.functional.adaptive_avg_pool2d(images.float(), 2).flatten(1)
        return features if return_features else features[:, :2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "inception-2015-12-05.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Scripted()), path)
    return path


def test_pictures_reach_it_as_bytes_in_three_channels(file: Path) -> None:
    space = open_inception(file)
    pictures = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(-1, -1, 8, 8)
    assert space.of(pictures)[:, 0].tolist() == [0.0, 128.0, 255.0]
    assert space.of(pictures).shape == (3, 12)
    assert frechet_distance(space.of(pictures), space.of(pictures)) == pytest.approx(0, abs=1e-3)


def test_what_is_no_such_network_is_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing fetches it"):
        open_inception(tmp_path / "none.pt")
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(CheckpointError, match="not the scripted Inception"):
        open_inception(file)
