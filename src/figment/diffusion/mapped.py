"""Tensors that stay in their files until a network asks for them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from figment.core.errors import CheckpointError
from figment.diffusion.layout import Stored
from figment.diffusion.networks import Weights

__all__ = ["Joined", "Mapped", "check_finite", "check_names"]

PROBED = 64
"""Numbers at the start, in the middle and at the end of a tensor that are looked at when a file is opened."""


class Mapped(Mapping[str, Tensor]):
    """Tensors of one safetensors file, by other names; the file is let go with the last of them."""

    def __init__(self, path: Path, names: Mapping[str, Stored]) -> None:
        self.path, self.names = path, names
        self.file: Any = safe_open(path, framework="pt")

    def __getitem__(self, name: str) -> Tensor:
        stored = self.names[name]
        return stored.read(_usual(self.file.get_tensor(stored.name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


class Joined(Mapping[str, Tensor]):
    """Tensors of several files as one."""

    def __init__(self, files: Iterable[Weights]) -> None:
        self.files = {name: file for file in files for name in file}

    def __getitem__(self, name: str) -> Tensor:
        return self.files[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def check_names(names: Mapping[str, Stored], shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Raise CheckpointError where the model at `path`, with these `shapes`, lacks one of `names` or has another."""
    missing = sorted({stored.name for stored in names.values()} - shapes.keys())
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise CheckpointError(f"{path} lacks the tensor {missing[0]}{others}; it was cut or pruned, copy it again.")
    for stored in names.values():
        if not stored.fits(shape := shapes[stored.name]):
            raise CheckpointError(f"{path} has {stored.name} as {shape}, which does not fit its network; get it anew.")


def check_finite(file: Path, names: Iterable[str], path: Path) -> None:
    """Look at some numbers of every tensor: spoilt merges are not finite in whole layers. Raises CheckpointError."""
    with safe_open(file, framework="pt") as opened:
        for name in names:
            flat = _usual(opened.get_tensor(name)).flatten()
            middle = len(flat) // 2
            some = torch.cat([flat[:PROBED], flat[middle : middle + PROBED], flat[-PROBED:]])
            if not bool(some.isfinite().all()):
                raise CheckpointError(
                    f"{path} is spoilt: {name} holds numbers that are not finite; get it anew or make the merge again."
                )


def _usual(tensor: Tensor) -> Tensor:
    """The tensor in a type that networks take: 8-bit numbers become half-precision ones."""
    eight = tensor.is_floating_point() and tensor.element_size() == 1
    return tensor.to(torch.float16) if eight else tensor
