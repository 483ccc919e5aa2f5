"""Which backend computes: a GPU by PyTorch, a CPU by OpenVINO where it is installed, else by PyTorch."""

import ctypes
import gc
from importlib.util import find_spec
from typing import Any, Protocol

import torch

from figment.diffusion.eight_bit import Ranges, Watched
from figment.diffusion.kinds import Kind
from figment.diffusion.networks import Autoencoder, UNet, Weights
from figment.training.device import pays_in_bfloat16

__all__ = ["Backend", "best", "give_back"]


class Backend(Protocol):
    """What builds networks."""

    @property
    def name(self) -> str:
        """As `figment models` calls it."""

    @property
    def device(self) -> torch.device:
        """Where its networks compute."""

    def unet(
        self, kind: Kind, weights: Weights, *, tiling: bool = False, keep: int = 1, ranges: Ranges | None = None
    ) -> UNet:
        """`tiling` wraps convolutions around the edges; `keep` reuses deep features for so many calls.

        Layers that have a range in `ranges` multiply in eight bits.
        """

    def watched(self, kind: Kind, weights: Weights) -> Watched:
        """A UNet that finds the ranges. Raises InputError where this backend does not multiply in eight bits."""

    def autoencoder(
        self, kind: Kind, weights: Weights, *, tiling: bool = False, half: bool | None = None
    ) -> Autoencoder:
        """`half` False computes in float32."""


def best() -> Backend:
    """The fastest backend of this machine."""
    from figment.diffusion.torch_backend import TorchBackend

    if torch.cuda.is_available():
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        return TorchBackend(torch.device("cuda"), half)
    if find_spec("openvino") is not None:
        from figment.diffusion.openvino_backend import OpenVinoBackend

        return OpenVinoBackend()
    cpu: Any = torch.device("cpu")
    return TorchBackend(cpu, torch.bfloat16 if pays_in_bfloat16(cpu) else torch.float32)


def give_back() -> None:
    """Return the memory of networks that nothing holds any more to the system, where its C library can be asked to."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
