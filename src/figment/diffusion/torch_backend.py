"""Networks of diffusers and transformers, computed by PyTorch on a CPU or a GPU."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from figment.diffusion.kinds import Kind, Part
from figment.diffusion.networks import Conditioning, Weights

__all__ = ["TorchAutoencoder", "TorchBackend", "TorchUNet", "text_network"]


class TorchBackend:
    """Builds networks on `device` that compute in `dtype`."""

    name = "torch"

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype

    def unet(self, kind: Kind, weights: Weights) -> "TorchUNet":
        with torch.device("meta"):
            network = UNet2DConditionModel(**_known(kind.configs["unet"], UNet2DConditionModel))
        return TorchUNet(_filled(network, weights, self.device, self.dtype))

    def autoencoder(self, kind: Kind, weights: Weights, *, half: bool | None = None) -> "TorchAutoencoder":
        """`half` False computes in float32, for the autoencoders that overflow in less."""
        with torch.device("meta"):
            network = AutoencoderKL(**_known(kind.configs["vae"], AutoencoderKL))
        dtype = torch.float32 if half is False else self.dtype
        return TorchAutoencoder(_filled(network, weights, self.device, dtype), kind.scale)


class TorchUNet:
    """`figment.diffusion.networks.UNet` by PyTorch."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @torch.no_grad()
    def __call__(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        place = next(self.network.parameters())
        added = None
        if conditioning.pooled is not None and conditioning.sizes is not None:
            added = {"text_embeds": conditioning.pooled.to(place), "time_ids": conditioning.sizes.to(place.device)}
        context = conditioning.context.to(place)
        said = self.network(x.to(place), times.to(place.device), context, added_cond_kwargs=added)
        out: Tensor = said.sample.float().to(x.device)
        return out


class TorchAutoencoder:
    """`figment.diffusion.networks.Autoencoder` by PyTorch."""

    def __init__(self, network: nn.Module, scale: float) -> None:
        self.network: Any = network
        self.scale = scale

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        place = next(self.network.parameters())
        means: Tensor = self.network.encode(pictures.to(place)).latent_dist.mean
        return means.float().to(pictures.device) * self.scale

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        place = next(self.network.parameters())
        pictures: Tensor = self.network.decode((latents / self.scale).to(place)).sample
        return pictures.float().to(latents.device)


def text_network(kind: Kind, part: Part, weights: Weights, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A text encoder on the CPU, in evaluation mode."""
    make = CLIPTextModelWithProjection if part == "text_2" else CLIPTextModel
    config = CLIPTextConfig(**{key: value for key, value in kind.configs[part].items() if key != "architectures"})
    with torch.device("meta"):
        network = make(config)
    return _filled(network, weights, torch.device("cpu"), dtype)


def _known(config: Mapping[str, Any], network: Any) -> dict[str, Any]:
    """The part of a configuration that a network takes."""
    import inspect

    taken = inspect.signature(network.__init__).parameters
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items() if key in taken}


def _filled(network: nn.Module, weights: Weights, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A network made without memory, given its weights one by one."""
    for name, module in network.named_modules():
        for own, _ in list(module.named_parameters(recurse=False)):
            tensor = weights[f"{name}.{own}" if name else own].to(device, dtype)
            setattr(module, own, nn.Parameter(tensor.contiguous(), requires_grad=False))
        for own, buffer in list(module.named_buffers(recurse=False)):
            if own == "position_ids":
                setattr(module, own, torch.arange(buffer.shape[-1], device=device)[None])
    return network.eval()
