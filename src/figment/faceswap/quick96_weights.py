"""Weights of DeepFaceLab's Quick96 in the network of `model.py`.

Its kernels are (height, width, in, out), its colours blue, green, red, and the four pixels that channels become come
before the channels themselves, where torch counts them after.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.core.errors import CheckpointError
from figment.faceswap.dfl import weights
from figment.faceswap.model import PARTS, Shape, SwapModel, SwapNetwork

__all__ = ["converted", "open_quick96"]

Arrays = Mapping[str, NDArray[np.float32]]


def open_quick96(folder: Path, name: str = "") -> SwapModel:
    """The Quick96 called `name` in `folder`, from its four files `<name>_Quick96_<part>.npy`; the only one by default.

    Raises CheckpointError for parts that are missing, damaged or of another shape.
    """
    found = sorted(folder.glob(f"{name or '*'}_Quick96_encoder.npy"))
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none"
        raise CheckpointError(f"One file NAME_Quick96_encoder.npy is needed in {folder}; there is: {there}.")
    network = SwapNetwork(Shape())
    start = found[0].name.removesuffix("encoder.npy")
    read = {part: weights.read(folder / f"{start}{part}.npy") for part in PARTS}
    network.load_state_dict(converted(read, network.state_dict()))
    return SwapModel(network)


def converted(parts: Mapping[str, Arrays], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors named and shaped as `wanted` from the arrays of `parts`. Raises CheckpointError for one that is not."""
    result: dict[str, Tensor] = {}
    for name, like in wanted.items():
        part, _, inside = name.partition(".")
        theirs = _theirs(inside)
        if theirs not in parts[part]:
            raise CheckpointError(f"The {part} lacks {theirs}; it must be a part of Quick96.")
        tensor = _turned(name, torch.from_numpy(parts[part][theirs]))
        if tensor.shape != like.shape:
            raise CheckpointError(f"{theirs} of the {part} is {tuple(tensor.shape)}; Quick96 has {tuple(like.shape)}.")
        result[name] = tensor.contiguous()
    return result


def _theirs(name: str) -> str:
    """What Quick96 calls `name` within a part."""
    path = name.split(".")
    match path:
        case ["downs", number, kind]:
            return f"down1/downs_{number}/conv1/{kind}:0"
        case ["upscales", number, layer, kind]:
            return f"upscale{number}/{layer}/{kind}:0"
        case ["residuals", number, layer, kind]:
            return f"res{number}/{layer}/{kind}:0"
        case ["mask_upscales", number, layer, kind]:
            return f"upscalem{number}/{layer}/{kind}:0"
        case ["pixels", number, kind]:
            return f"out_conv{number if number != '0' else ''}/{kind}:0"
        case ["mask_out", kind]:
            return f"out_convm/{kind}:0"
    return f"{'/'.join(path)}:0"


def _turned(name: str, tensor: Tensor) -> Tensor:
    """`tensor` with its axes, its colours and the pixels of its channels in our order."""
    if tensor.ndim == 4:
        tensor = tensor.permute(3, 2, 0, 1)
    if tensor.ndim == 2:
        tensor = tensor.T
    if "upscale" in name and len(tensor) % 4 == 0:
        tensor = tensor.reshape(4, -1, *tensor.shape[1:]).transpose(0, 1).flatten(0, 1)
    if name.startswith("encoder.downs.0.weight"):
        tensor = tensor.flip(1)
    return tensor.flip(0) if ".pixels." in name else tensor
