"""Products of eight bits: what is rounded and how, against closed forms and the networks of diffusers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from tests.diffusion import made
from torch import Tensor, nn

from figment.core.errors import InputError
from figment.core.task import finish
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.eight_bit import levels, pays, rounded
from figment.diffusion.engine import Engine, Job, Networks
from figment.diffusion.kinds import Base
from figment.diffusion.networks import Conditioning
from figment.diffusion.options import Options
from figment.diffusion.torch_backend import TorchBackend

openvino_backend = pytest.importorskip("figment.diffusion.openvino_backend", reason="OpenVINO is for x86-64 alone")

JOB = Job("a cat", "bad", (3,), 3, 5.0, (64, 64), Options(sampler="Euler"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made.write(tmp_path / "small.safetensors", Base.SD1, dtype=torch.float32)


def engine(path: Path, *, eight_bit: bool) -> Engine:
    backend = openvino_backend.OpenVinoBackend(half=False)
    return Engine(Networks(open_checkpoint(path)), backend, eight_bit=eight_bit)


def test_weights_are_off_by_half_a_level_at_most() -> None:
    weight = torch.randn(8, 16, 3, 3) * torch.logspace(-3, 2, 8)[:, None, None, None]
    weight[3] = 0
    whole, scale = rounded(weight)
    assert int(np.abs(whole).max()) == 127
    assert scale.shape == (8, 1, 1, 1)
    assert bool((np.abs(whole * scale - weight.numpy()) <= scale * 0.5001).all())


@pytest.mark.parametrize(("low", "high"), [(-0.28, 6.0), (-3.0, 3.5), (0.5, 2.0), (-4.0, -1.0), (0.0, 0.0)])
def test_levels_hold_nought_and_reach_both_ends(low: float, high: float) -> None:
    for signed in (False, True):
        first, last = levels(low, high, signed=signed)
        step = (last - first) / 255
        assert first / step == pytest.approx(round(first / step), abs=1e-9)
        assert first - step <= low
        assert last + step >= high
        if signed:
            assert round(first / step) == -128


def test_first_and_last_layers_times_and_prompts_are_exact() -> None:
    weight = torch.zeros(64, 64, 3, 3)
    exact = ("conv_in", "conv_out", "time_embedding.linear_1", "down_blocks.0.resnets.0.time_emb_proj")
    assert not any(pays(name, weight) for name in (*exact, "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"))
    assert pays("down_blocks.0.resnets.0.conv1", weight)
    assert not pays("down_blocks.0.resnets.0.conv1", weight[:, :8])


def test_ranges_are_what_the_layers_of_the_network_are_given(path: Path) -> None:
    checkpoint = open_checkpoint(path)
    weights, config = checkpoint.parts["unet"], checkpoint.kind.configs["unet"]
    network = UNet2DConditionModel(**{k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}).eval()
    network.load_state_dict(dict(weights))
    given: dict[str, tuple[float, float]] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            low, high = given.get(name, (0.0, 0.0))
            given[name] = (min(low, float(inputs[0].min())), max(high, float(inputs[0].max())))

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_pre_hook(note(name))
    watched = openvino_backend.OpenVinoBackend(half=False).watched(checkpoint.kind, weights)
    width = config["cross_attention_dim"]
    for time in (900.0, 100.0):
        x, told = torch.randn(2, 4, 16, 16), Conditioning(torch.randn(2, 77, width))
        times = torch.full((2,), time)
        watched(x, times, told)
        with torch.no_grad():
            network(x, times, told.context)
    assert len(watched.ranges) > 60
    for name, ends in watched.ranges.items():
        assert ends == pytest.approx(given[name], rel=1e-3, abs=1e-3), name


def test_the_picture_is_near_the_exact_one_and_worked_out_in_eight_bits(path: Path) -> None:
    exact, near = engine(path, eight_bit=False), engine(path, eight_bit=True)
    one, other = (finish(made_by.draw(JOB))[0].astype(int) for made_by in (exact, near))
    assert 0 < np.abs(one - other).mean() < 6
    ran = near._unet.network.request.get_compiled_model().get_runtime_model()  # type: ignore[union-attr]  # it has one
    precisions = [op.get_rt_info()["runtimePrecision"].astype(str) for op in ran.get_ops()]
    assert precisions.count("i8") + precisions.count("u8") > 60


def test_ranges_are_found_once_for_a_checkpoint(path: Path, cache: Path) -> None:
    first = finish(engine(path, eight_bit=True).draw(JOB))
    (stored,) = (cache / "ranges").iterdir()
    notes: list[str] = []
    again = finish(engine(path, eight_bit=True).draw(JOB), lambda report: notes.append(report.note))
    assert (first[0] == again[0]).all()
    assert not any("watching" in note for note in notes)
    stored.write_text("{}x")
    notes.clear()
    once_more = finish(engine(path, eight_bit=True).draw(JOB), lambda report: notes.append(report.note))
    assert (first[0] == once_more[0]).all()
    assert any("watching" in note for note in notes)


def test_pytorch_says_that_it_does_not(path: Path) -> None:
    networks = Networks(open_checkpoint(path))
    with pytest.raises(InputError, match="leave --eight-bit out"):
        finish(Engine(networks, TorchBackend(torch.device("cpu"), torch.float32), eight_bit=True).draw(JOB))
