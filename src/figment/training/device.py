"""Where a run computes: one CPU, one GPU, or many processes side by side under `accelerate launch`."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Place", "pays_in_bfloat16", "place"]


@dataclass(frozen=True)
class Place:
    """This process among all that train together."""

    device: torch.device
    rank: int
    world: int

    @property
    def leads(self) -> bool:
        """True in the one process that writes files."""
        return self.rank == 0

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each of `tensors`, all of one type, by its mean over all processes, in one message."""
        if self.world == 1:
            return
        here = list(tensors)
        if not here:
            return
        flat = torch.cat([tensor.flatten() for tensor in here])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, mean in zip(here, torch.split(flat, [tensor.numel() for tensor in here]), strict=True):
            tensor.copy_(mean.view_as(tensor))


def place() -> Place:
    """The device of this process. Launchers such as `accelerate launch` and `torchrun` say so in the environment."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if on_gpu else "gloo")
    return Place(device, rank, world)


def pays_in_bfloat16(device: torch.device, precision: Literal["auto", "fp32", "bf16"] = "auto") -> bool:
    """Whether to compute in bfloat16: by `precision`, or where the device has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
