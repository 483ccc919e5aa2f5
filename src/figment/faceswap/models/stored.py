"""Weights of the face models that Figment carries, as `scripts/convert_face_models.py` wrote them."""

from importlib.resources import as_file, files
from typing import TypeVar

import torch
from torch import Tensor, nn

from figment.core.weights import load

__all__ = ["fill", "tensors"]

Network = TypeVar("Network", bound=nn.Module)


def tensors(name: str) -> dict[str, Tensor]:
    """The tensors of `weights/<name>.safetensors` in float32; whole numbers that index something stay as they are.

    A tensor `x` of bytes stands for x * `x.scale` + `x.least`, which have its shape or broadcast to it.
    """
    with as_file(files("figment.faceswap") / "weights" / f"{name}.safetensors") as path:
        stored = load(path)
    found = {}
    for key, value in stored.items():
        if value.dtype is torch.uint8:
            found[key] = value.float() * stored[f"{key}.scale"].float() + stored[f"{key}.least"].float()
        elif not key.endswith((".scale", ".least")):
            found[key] = value.float() if value.is_floating_point() else value
    return found


def fill(network: Network, name: str) -> Network:
    """`network` with the weights of `name`, ready to be asked."""
    network.load_state_dict(tensors(name))
    for weight in network.parameters():
        weight.requires_grad_(False)
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    network.eval()
    return network
