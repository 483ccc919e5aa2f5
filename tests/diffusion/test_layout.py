"""Tensors of single files under the names of diffusers and transformers, against what these make of the same files."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from safetensors.torch import load_file
from tests.diffusion import made
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from figment.diffusion import layout
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.kinds import Base, Part
from figment.diffusion.layout import TEXTS
from figment.diffusion.networks import Conditioning
from figment.diffusion.torch_backend import TorchBackend, text_network

BASES = list(Base)
WORDS = torch.tensor([[49406, 320, 2368, 49407, 49407]])


def theirs(file: Path, base: Base, part: Part) -> torch.nn.Module:
    """The network as diffusers fills it from the file, by a configuration that was not read from the file."""
    config: dict[str, Any] = made.configs(base)[part]
    tensors = load_file(file)
    network: Any
    if part == "unet":
        network = UNet2DConditionModel(**config)
        state = single_file_utils.convert_ldm_unet_checkpoint(tensors, dict(network.config))
    elif part == "vae":
        network = AutoencoderKL(**config)
        state = single_file_utils.convert_ldm_vae_checkpoint(tensors, dict(network.config))
    else:
        network = (CLIPTextModelWithProjection if part == "text_2" else CLIPTextModel)(CLIPTextConfig(**config))
        if TEXTS[base][part].endswith("transformer."):
            state = single_file_utils.convert_ldm_clip_checkpoint(tensors)
        else:
            prefix = TEXTS[base][part]
            state = single_file_utils.convert_open_clip_checkpoint(network, tensors, prefix=prefix)
        if part == "text":  # transformers of this age has no such prefix, which its loader takes away
            state = {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    shapes = network.state_dict()
    state = {name: tensor for name, tensor in state.items() if name in shapes}
    network.load_state_dict({name: tensor.float().view(shapes[name].shape) for name, tensor in state.items()})
    return network.eval()  # type: ignore[no-any-return]  # a network of a package without types


PARTS = [(base, part) for base in BASES for part in made.configs(base)]


@pytest.mark.parametrize(("base", "part"), PARTS)
def test_every_tensor_is_what_diffusers_makes_of_it(checkpoints: dict[Base, Path], base: Base, part: Part) -> None:
    expected = theirs(checkpoints[base], base, part).state_dict()
    found = open_checkpoint(checkpoints[base]).parts[part]
    assert set(found) == set(expected)
    assert all(torch.equal(found[name].float(), tensor) for name, tensor in expected.items())


@torch.no_grad()
def run(network: Any, part: Part, told: Conditioning, x: Tensor, time: float) -> list[Tensor]:
    """What a network of diffusers or transformers says."""
    if part == "unet":
        added = None if told.pooled is None else {"text_embeds": told.pooled, "time_ids": told.sizes}
        return [network(x, torch.full((2,), time), told.context, added_cond_kwargs=added).sample]
    if part == "vae":
        return [network.encode(torch.ones(1, 3, 64, 32) * 0.5).latent_dist.mean, network.decode(x[:1]).sample]
    said = network(WORDS, output_hidden_states=True)
    return [*said.hidden_states, said.last_hidden_state, *([said.text_embeds] if part == "text_2" else [])]


@pytest.mark.parametrize(("base", "part"), PARTS)
def test_networks_say_what_those_of_diffusers_do(checkpoints: dict[Base, Path], base: Base, part: Part) -> None:
    opened = open_checkpoint(checkpoints[base])
    torch.manual_seed(0)
    x = torch.randn(2, 4, 16, 8)
    width, large = opened.kind.configs["unet"]["cross_attention_dim"], "text_2" in opened.parts
    told = Conditioning(
        torch.randn(2, 77, width),
        torch.randn(2, 96) if large else None,
        torch.full((2, 6 if base is Base.SDXL else 5), 64.0) if large else None,
    )
    backend = TorchBackend(torch.device("cpu"), torch.float32)
    network = theirs(checkpoints[base], base, part)
    if part == "unet":
        unet = backend.unet(opened.kind, opened.parts[part])
        times = (500.0, 500.5, 999.0)
        found = [unet(x, torch.full((2,), time), told) for time in times]
        expected = [run(network, part, told, x, time)[0] for time in times]
        assert not torch.allclose(found[0], found[1], atol=1e-4)  # times between whole numbers count
    elif part == "vae":
        vae = backend.autoencoder(opened.kind, opened.parts[part])
        found = [vae.encode(torch.ones(1, 3, 64, 32) * 0.5), vae.decode(x[:1] * opened.kind.scale)]
        latents, pictures = run(network, part, told, x, 0)
        expected = [latents * opened.kind.scale, pictures]
    else:
        found = run(text_network(opened.kind, part, opened.parts[part]), part, told, x, 0)
        expected = run(network, part, told, x, 0)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tiny", [True, False])
@pytest.mark.parametrize("base", BASES)
def test_every_tensor_has_one_place_and_every_place_a_tensor(base: Base, tiny: bool) -> None:
    """Of the right shape, in the tiny networks and in those of full size, whose shapes take no memory."""
    shapes = made.shapes(base, tiny=tiny)
    places = layout.places(base, made.configs(base, tiny=tiny))
    used = [place for part in places.values() for place in part.values()]
    assert {part: {name: place.shape for name, place in names.items()} for part, names in places.items()} == shapes
    assert len({(place.name, place.third) for place in used}) == len(used)
    fused = {place.name for place in used if place.third is not None}
    assert all({place.third for place in used if place.name == name} == {0, 1, 2} for name in fused)
