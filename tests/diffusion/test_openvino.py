"""OpenVINO's graphs against the networks of diffusers, on random weights."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from figment.diffusion.kinds import Base, Kind
from figment.diffusion.networks import Conditioning
from figment.diffusion.torch_backend import TorchBackend

openvino_backend = pytest.importorskip("figment.diffusion.openvino_backend", reason="OpenVINO is for x86-64 alone")

CONTEXT, POOLED = 48, 40
CPU = torch.device("cpu")
COMMON: Mapping[str, Any] = {"layers_per_block": 2, "cross_attention_dim": CONTEXT}
UNETS: Mapping[str, Mapping[str, Any]] = {
    "SD1": {"block_out_channels": (32, 64, 64, 64), "attention_head_dim": 8},
    "SD2, nine channels": {
        "block_out_channels": (64, 128, 128, 128),
        "attention_head_dim": [1, 2, 2, 2],
        "use_linear_projection": True,
        "in_channels": 9,
    },
    "SDXL": {
        "block_out_channels": (64, 128, 256),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": [1, 2, 4],
        "use_linear_projection": True,
        "transformer_layers_per_block": [1, 2, 3],
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 32,
        "projection_class_embeddings_input_dim": 32 * 6 + POOLED,
    },
}
VAE: Mapping[str, Any] = {
    "block_out_channels": (32, 64, 64, 64),
    "layers_per_block": 2,
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}


def kind(**configs: Mapping[str, Any]) -> Kind:
    return Kind(Base.SD1, inpainting=False, prediction="noise", configs=configs)  # type: ignore[arg-type]  # part names


def network(name: str) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**COMMON, **UNETS[name]).eval()


def told(config: Mapping[str, Any], count: int, tokens: int) -> Conditioning:
    context = torch.randn(count, tokens, CONTEXT)
    if not config.get("addition_embed_type"):
        return Conditioning(context)
    return Conditioning(context, torch.randn(count, POOLED), torch.randint(1, 1024, (count, 6)).float())


@torch.no_grad()
def reference(network: UNet2DConditionModel, x: torch.Tensor, times: torch.Tensor, told: Conditioning) -> torch.Tensor:
    added = None if told.pooled is None else {"text_embeds": told.pooled, "time_ids": told.sizes}
    out: torch.Tensor = network(x, times, told.context, added_cond_kwargs=added).sample
    return out


@pytest.mark.parametrize("name", UNETS)
def test_one_graph_serves_every_size_and_equals_the_network(name: str) -> None:
    made = network(name)
    config = dict(made.config)
    ours = openvino_backend.OpenVinoBackend(half=False).unet(kind(unet=config), made.state_dict())
    for count, high, wide, tokens in ((2, 16, 16, 77), (1, 24, 16, 154), (3, 20, 15, 77)):
        x = torch.randn(count, config["in_channels"], high, wide)
        times = torch.rand(count) * 999
        words = told(config, count, tokens)
        expected = reference(made, x, times, words)
        assert float((ours(x, times, words) - expected).abs().max()) < 1e-4 * float(expected.abs().max())


def test_both_ways_of_the_autoencoder_equal_the_network() -> None:
    torch.manual_seed(0)
    made = AutoencoderKL(**VAE).eval()
    which = kind(vae=dict(made.config))
    ours = openvino_backend.OpenVinoBackend(half=False).autoencoder(which, made.state_dict())
    pictures, latents = torch.rand(2, 3, 48, 32) * 2 - 1, torch.randn(1, 4, 6, 5)
    with torch.no_grad():
        encoded = made.encode(pictures).latent_dist.mean * which.scale
        decoded = made.decode(latents / which.scale).sample
    assert float((ours.encode(pictures) - encoded).abs().max()) < 1e-4
    assert float((ours.decode(latents) - decoded).abs().max()) < 1e-4


@pytest.mark.skipif(not openvino_backend.has_bfloat16(), reason="this CPU computes no bfloat16")
@pytest.mark.parametrize("time", [981.0, 500.0, 1.0])
def test_half_precision_is_no_further_from_the_truth_than_that_of_pytorch(time: float) -> None:
    made = network("SD1")
    config = dict(made.config)
    ours = openvino_backend.OpenVinoBackend(half=True).unet(kind(unet=config), made.state_dict())
    x, times, words = torch.randn(2, 4, 16, 16), torch.full((2,), time), told(config, 2, 77)
    expected = reference(made, x, times, words)
    theirs = network("SD1").to(torch.bfloat16)
    half = reference(theirs, x.bfloat16(), times, Conditioning(words.context.bfloat16())).float()
    error, allowed = ((out - expected).norm() / expected.norm() for out in (ours(x, times, words), half))
    assert float(error) < 1.25 * float(allowed)


def test_times_as_bfloat16_would_be_far_from_the_truth() -> None:
    times = torch.tensor([981.0])
    exact = openvino_backend.sinusoids(times, 320)
    rounded = openvino_backend.sinusoids(times.bfloat16(), 320)
    assert float((rounded - exact).norm() / exact.norm()) > 0.05


@pytest.mark.parametrize("name", UNETS)
def test_opposite_edges_fit_together_when_tiling(name: str) -> None:
    made = network(name)
    config = dict(made.config)
    ours = openvino_backend.OpenVinoBackend(half=False).unet(kind(unet=config), made.state_dict(), tiling=True)
    x, times, words = torch.randn(1, config["in_channels"], 16, 16), torch.tensor([500.0]), told(config, 1, 77)
    for module in made.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.padding_mode = "circular"
    assert torch.allclose(ours(x, times, words), reference(made, x, times, words), atol=1e-4)


@pytest.mark.parametrize("name", UNETS)
@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_kept_features_are_those_of_the_call_before(name: str, backend: str) -> None:
    made = network(name)
    config = dict(made.config)
    which = kind(unet=config)
    maker = openvino_backend.OpenVinoBackend(half=False) if backend == "openvino" else TorchBackend(CPU, torch.float32)
    plain, kept = (maker.unet(which, made.state_dict(), keep=keep) for keep in (1, 2))
    x, words = torch.randn(2, config["in_channels"], 16, 16), told(config, 2, 77)
    first, second, third = (torch.full((2,), time) for time in (500.0, 450.0, 400.0))
    assert torch.allclose(kept(x, first, words), plain(x, first, words), atol=1e-5)
    again = kept(x, first, words)  # every layer that is computed anew sees what it saw before
    assert torch.allclose(again, plain(x, first, words), atol=1e-4)
    assert torch.allclose(kept(x, second, words), plain(x, second, words), atol=1e-4)
    near = kept(x + 0.1, third, words)
    exact = plain(x + 0.1, third, words)
    assert float((near - exact).abs().max()) > 1e-4
    assert float((near - exact).norm() / exact.norm()) < 0.5
    assert torch.allclose(kept(x, first, words), plain(x, first, words), atol=1e-4)  # a new walk
