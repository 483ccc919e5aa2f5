"""Networks of diffusers and transformers, computed by PyTorch on a CPU or a GPU."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from figment.core.errors import InputError
from figment.diffusion.eight_bit import Ranges, Watched
from figment.diffusion.features import KeptFeatures
from figment.diffusion.kinds import Kind, Part
from figment.diffusion.networks import Conditioning, UNet, Weights

__all__ = ["TorchAutoencoder", "TorchBackend", "TorchUNet", "text_network"]

NO_EIGHT_BITS = "Eight bits are for an x86-64 CPU, where OpenVINO computes; leave --eight-bit out here."


class TorchBackend:
    """Builds networks on `device` that compute in `dtype`."""

    name = "torch"

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype

    def unet(
        self, kind: Kind, weights: Weights, *, tiling: bool = False, keep: int = 1, ranges: Ranges | None = None
    ) -> UNet:
        if ranges:
            raise InputError(NO_EIGHT_BITS)
        with torch.device("meta"):
            network = UNet2DConditionModel(**_known(kind.configs["unet"], UNet2DConditionModel))
        made = TorchUNet(_filled(network, weights, self.device, self.dtype, tiling=tiling))
        return made if keep == 1 else KeptFeatures(made.with_depths, made.from_depths, keep)

    def watched(self, kind: Kind, weights: Weights) -> Watched:
        raise InputError(NO_EIGHT_BITS)

    def autoencoder(
        self, kind: Kind, weights: Weights, *, tiling: bool = False, half: bool | None = None
    ) -> "TorchAutoencoder":
        """`half` False computes in float32, for the autoencoders that overflow in less."""
        with torch.device("meta"):
            network = AutoencoderKL(**_known(kind.configs["vae"], AutoencoderKL))
        dtype = torch.float32 if half is False else self.dtype
        return TorchAutoencoder(_filled(network, weights, self.device, dtype, tiling=tiling), kind.scale)


class TorchUNet:
    """`figment.diffusion.networks.UNet` by PyTorch."""

    def __init__(self, network: nn.Module) -> None:
        self.network: Any = network

    @torch.no_grad()
    def __call__(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        place = next(self.network.parameters())
        context = conditioning.context.to(place)
        added = self._added(conditioning)
        said = self.network(x.to(place), times.to(place.device), context, added_cond_kwargs=added)
        out: Tensor = said.sample.float().to(x.device)
        return out

    @torch.no_grad()
    def with_depths(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> tuple[Tensor, Tensor]:
        """The output and the features below the last block."""
        seen: list[Tensor] = []

        def keep(_module: nn.Module, _args: object, given: Mapping[str, Tensor]) -> None:
            seen.append(given["hidden_states"])

        hook = self.network.up_blocks[-1].register_forward_pre_hook(keep, with_kwargs=True)
        try:
            return self(x, times, conditioning), seen[0]
        finally:
            hook.remove()

    @torch.no_grad()
    def from_depths(self, x: Tensor, times: Tensor, conditioning: Conditioning, features: Tensor) -> Tensor:
        """The output of the first and the last block alone."""
        net, place = self.network, next(self.network.parameters())
        inputs, context = x.to(place), conditioning.context.to(place)
        embedded = net.time_embedding(net.get_time_embed(sample=inputs, timestep=times.to(place.device)))
        added = net.get_aug_embed(
            emb=embedded, encoder_hidden_states=context, added_cond_kwargs=self._added(conditioning)
        )
        embedded = embedded if added is None else embedded + added
        hidden = net.conv_in(inputs)
        first = net.down_blocks[0]
        attends = {"encoder_hidden_states": context} if getattr(first, "has_cross_attention", False) else {}
        _, left = first(hidden_states=hidden, temb=embedded, **attends)
        skips = (hidden, *left[: net.config.layers_per_block])
        out = net.up_blocks[-1](hidden_states=features, temb=embedded, res_hidden_states_tuple=skips, **attends)
        said: Tensor = net.conv_out(net.conv_act(net.conv_norm_out(out)))
        return said.float().to(x.device)

    def _added(self, told: Conditioning) -> dict[str, Tensor] | None:
        if told.pooled is None or told.sizes is None:
            return None
        place = next(self.network.parameters())
        return {"text_embeds": told.pooled.to(place), "time_ids": told.sizes.to(place.device)}


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
    taken = inspect.signature(network.__init__).parameters
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items() if key in taken}


def _filled(
    network: nn.Module, weights: Weights, device: torch.device, dtype: torch.dtype, *, tiling: bool = False
) -> nn.Module:
    """A network made without memory, given its weights one by one."""
    for name, module in network.named_modules():
        for own, _ in list(module.named_parameters(recurse=False)):
            tensor = weights[f"{name}.{own}" if name else own].to(device, dtype)
            setattr(module, own, nn.Parameter(tensor.contiguous(), requires_grad=False))
        for own, buffer in list(module.named_buffers(recurse=False)):
            if own == "position_ids":
                setattr(module, own, torch.arange(buffer.shape[-1], device=device)[None])
        if tiling and isinstance(module, nn.Conv2d):
            module.padding_mode = "circular"
    return network.eval()
