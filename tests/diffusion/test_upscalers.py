"""Upscalers told by their tensors, tiles that leave no seam, and files that are none."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from figment.core.errors import CheckpointError
from figment.core.task import Progress, finish
from figment.diffusion.upscalers import compact, open_upscaler, resampled, rrdb, tiled


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))


def weights(network: nn.Module, seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {name: 0.1 * torch.randn(tensor.shape) for name, tensor in network.state_dict().items()}


def old_names(tensors: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """The same weights under the names of 2018, written out: trunk, two doublings, two last convolutions."""
    places = {
        "conv_first": "model.0",
        "conv_body": f"model.1.sub.{blocks}",
        "conv_up1": "model.3",
        "conv_up2": "model.6",
    }
    places |= {"conv_hr": "model.8", "conv_last": "model.10"}
    found = {}
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        if module.startswith("body."):
            _, number, dense, conv = module.split(".")
            found[f"model.1.sub.{number}.{dense.upper()}.{conv}.0.{part}"] = tensor
        else:
            found[f"{places[module]}.{part}"] = tensor
    return found


def next_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names of ESRGAN's later files and of BSRGAN, written out."""
    places = {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"}
    found = {}
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        if module.startswith("body."):
            _, number, dense, conv = module.split(".")
            found[f"RRDB_trunk.{number}.{dense.upper()}.{conv}.{part}"] = tensor
        else:
            found[f"{places.get(module, module)}.{part}"] = tensor
    return found


@pytest.mark.parametrize(
    ("seen", "doublings", "squeeze", "scale"), [(3, 2, 1, 4), (12, 2, 2, 2), (48, 2, 4, 1), (3, 1, 1, 2)]
)
def test_the_size_of_an_esrgan_is_read_from_its_tensors(seen: int, doublings: int, squeeze: int, scale: int) -> None:
    made = rrdb._RRDBNet(seen, 8, 4, 2, doublings, squeeze)
    tensors = weights(made)
    made.load_state_dict(tensors)
    found = rrdb.network(tensors)
    assert found is not None
    network, times = found
    picture = torch.rand(1, 3, 10, 13)
    with torch.no_grad():
        out = network(picture)
        assert torch.equal(out, made(picture))
    assert times == scale
    assert out.shape == (1, 3, 10 * scale, 13 * scale)


def test_a_compact_network_is_told_by_its_tensors() -> None:
    made = compact._Compact(8, 3, 4)
    tensors = weights(made)
    found = compact.network(tensors)
    assert found is not None
    assert found[1] == 4
    assert found[0](torch.rand(1, 3, 5, 7)).shape == (1, 3, 20, 28)
    assert compact.network({"conv_first.weight": torch.zeros(1)}) is None


def test_tiles_leave_no_seam() -> None:
    made = compact._Compact(8, 3, 2)
    made.load_state_dict(weights(made))
    picture = torch.rand(1, 3, 50, 37)
    with torch.no_grad():
        whole = made(picture).clamp(0, 1)
    reports: list[Progress] = []
    assert torch.allclose(finish(tiled(made, picture, 2, tile=16, overlap=6), reports.append), whole, atol=1e-6)
    assert [(report.step, report.total) for report in reports] == [(number, 12) for number in range(1, 13)]
    assert not torch.allclose(finish(tiled(made, picture, 2, tile=16, overlap=1)), whole, atol=1e-6)


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
@pytest.mark.parametrize("prefix", ["", "params_ema."])
def test_files_of_both_kinds_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, prefix: str
) -> None:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))
    tensors = {prefix + name: tensor for name, tensor in weights(compact._Compact(8, 2, 2)).items()}
    path = tmp_path / f"up.{ending}"
    if ending == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    picture = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    assert finish(open_upscaler(path)(picture, (20, 20))).shape == (24, 20, 3)
    assert finish(open_upscaler(path)(picture, (48, 40))).shape == (48, 40, 3)


@pytest.mark.parametrize("names", [lambda tensors: old_names(tensors, blocks=2), next_names])
def test_files_of_all_names_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
) -> None:
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))
    tensors = weights(rrdb._RRDBNet(3, 8, 4, 2, 2, 1))
    save_file(tensors, tmp_path / "new.safetensors")
    torch.save(names(tensors), tmp_path / "old.pth")
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    new, old = (finish(open_upscaler(tmp_path / name)(picture, (36, 28))) for name in ("new.safetensors", "old.pth"))
    assert new.shape == (36, 28, 3)
    assert np.array_equal(new, old)


@pytest.mark.parametrize(
    "tensors",
    [
        {"x": torch.zeros(2)},
        {"model.0.weight": torch.zeros(2), "model.1.sub.0.weight": torch.zeros(2)},
        {"conv_first.weight": torch.zeros(8), "body.0.rdb1.conv1.weight": torch.zeros(4, 8, 3, 3)},
        {"body.x.weight": torch.zeros(2), "body.0.weight": torch.zeros(8, 3, 3, 3)},
        {"conv_first.weight": torch.zeros(60, 3, 3, 3), "layers.0.norm1.weight": torch.zeros(60)},
    ],
)
def test_what_is_no_upscaler_is_refused(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="is no upscaler that is known; there are ESRGAN"):
        open_upscaler(tmp_path / "a.safetensors")


def test_an_upscaler_without_finite_numbers_is_refused(tmp_path: Path) -> None:
    tensors = weights(compact._Compact(8, 2, 2))
    tensors["body.0.bias"][0] = float("nan")
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="has numbers that are not finite"):
        open_upscaler(tmp_path / "a.safetensors")


def test_plain_resampling_goes_by_name() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:, 2:] = 255
    nearest = finish(resampled("Nearest")(picture, (8, 8)))
    assert set(np.unique(nearest)) == {0, 255}
    assert len(np.unique(finish(resampled("Lanczos")(picture, (8, 8))))) > 2
