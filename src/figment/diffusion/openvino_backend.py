"""Networks computed by OpenVINO: in bfloat16 where the CPU multiplies it in hardware, at four fifths of its peak.

Constants stay in the memory-mapped checkpoint until a layer is first used, so that a model is ready in a second or two.
"""

import ctypes
import math
import mmap
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.diffusion import openvino_graph
from figment.diffusion.eight_bit import Ranges
from figment.diffusion.features import KeptFeatures
from figment.diffusion.kinds import Kind
from figment.diffusion.networks import Conditioning, UNet, Weights

__all__ = ["OpenVinoAutoencoder", "OpenVinoBackend", "OpenVinoUNet", "WatchedUNet", "has_bfloat16", "sinusoids"]

PAGE_OUT_FROM = 2**16
"""Bytes of a constant that is worth letting go."""
MADV_PAGEOUT = 21
"""Of Linux 5.4 and later; others refuse it, which does no harm."""


@cache
def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX512-BF16, AMX)."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoBackend:
    """Compiles networks for the CPU. `half` computes in bfloat16; None where the CPU has it."""

    name = "openvino"
    device = torch.device("cpu")

    def __init__(self, *, half: bool | None = None, threads: int | None = None) -> None:
        self.half = has_bfloat16() if half is None else half
        self.threads = threads

    def unet(
        self, kind: Kind, weights: Weights, *, tiling: bool = False, keep: int = 1, ranges: Ranges | None = None
    ) -> UNet:
        config = kind.configs["unet"]
        how: dict[str, Any] = {"half": self.half, "tiling": tiling, "ranges": ranges}
        if keep == 1:
            return OpenVinoUNet(config, self.compiled(openvino_graph.unet(config, weights, **how)))
        whole = OpenVinoUNet(config, self.compiled(openvino_graph.unet(config, weights, depths=True, **how)))
        shallow = OpenVinoUNet(config, self.compiled(openvino_graph.shallow_unet(config, weights, **how)))
        return KeptFeatures(whole.with_depths, shallow.from_depths, keep)

    def watched(self, kind: Kind, weights: Weights) -> "WatchedUNet":
        config = kind.configs["unet"]
        model, names = openvino_graph.watched_unet(config, weights, half=self.half)
        return WatchedUNet(config, self.compiled(model), names)

    def autoencoder(
        self, kind: Kind, weights: Weights, *, tiling: bool = False, half: bool | None = None
    ) -> "OpenVinoAutoencoder":
        """`half` False computes in float32, for the autoencoders that overflow in less."""
        backend = self if half is None else OpenVinoBackend(half=half, threads=self.threads)
        return OpenVinoAutoencoder(backend, kind, weights, tiling=tiling)

    def compiled(self, model: ov.Model) -> "_Compiled":
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "bf16" if self.half else "f32"}
        if self.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = self.threads
        return _Compiled(_core().compile_model(model, "CPU", settings), _places(model))


class OpenVinoUNet:
    """`figment.diffusion.networks.UNet` by OpenVINO."""

    def __init__(self, config: Mapping[str, Any], network: "_Compiled") -> None:
        self.config, self.network = config, network

    def __call__(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        return self.network(self._inputs(x, times, conditioning))[0]

    def with_depths(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> tuple[Tensor, Tensor]:
        """The output and the features below the last block."""
        out, features = self.network(self._inputs(x, times, conditioning))
        return out, features

    def from_depths(self, x: Tensor, times: Tensor, conditioning: Conditioning, features: Tensor) -> Tensor:
        return self.network(self._inputs(x, times, conditioning) | {"features": features})[0]

    def _inputs(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> dict[str, Tensor]:
        inputs = {"x": x, "time": sinusoids(times, self.config["block_out_channels"][0])}
        inputs["context"] = conditioning.context
        if conditioning.pooled is not None and conditioning.sizes is not None:
            sizes = sinusoids(conditioning.sizes.flatten(), self.config["addition_time_embed_dim"])
            inputs["added"] = torch.cat([conditioning.pooled, sizes.view(len(x), -1)], dim=1)
        return inputs


class WatchedUNet(OpenVinoUNet):
    """A UNet that notes what its layers are given."""

    def __init__(self, config: Mapping[str, Any], network: "_Compiled", names: Sequence[str]) -> None:
        super().__init__(config, network)
        self.names = names
        self.low, self.high = (np.zeros(len(names), np.float32) for _ in range(2))

    def __call__(self, x: Tensor, times: Tensor, conditioning: Conditioning) -> Tensor:
        out, ends = self.network(self._inputs(x, times, conditioning))
        self.low, self.high = np.minimum(self.low, ends[0].numpy()), np.maximum(self.high, ends[1].numpy())
        return out

    @property
    def ranges(self) -> Ranges:
        """The least and the largest number so far, by layer."""
        return {
            name: (float(low), float(high)) for name, low, high in zip(self.names, self.low, self.high, strict=True)
        }


class OpenVinoAutoencoder:
    """`figment.diffusion.networks.Autoencoder` by OpenVINO. Each way is compiled when it is first gone."""

    def __init__(self, backend: OpenVinoBackend, kind: Kind, weights: Weights, *, tiling: bool) -> None:
        self.backend, self.config, self.weights, self.scale = backend, kind.configs["vae"], weights, kind.scale
        self.tiling = tiling
        self.ways: dict[str, _Compiled] = {}

    def encode(self, pictures: Tensor) -> Tensor:
        return self._way("encoder")({"pictures": pictures})[0] * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        return self._way("decoder")({"latents": latents / self.scale})[0]

    def _way(self, name: str) -> "_Compiled":
        if name not in self.ways:
            build = getattr(openvino_graph, name)
            model = build(self.config, self.weights, half=self.backend.half, tiling=self.tiling)
            self.ways[name] = self.backend.compiled(model)
        return self.ways[name]


class _Compiled:
    """A compiled graph, called with tensors by name."""

    def __init__(self, compiled: ov.CompiledModel, places: Sequence[tuple[int, int]]) -> None:
        self.request = compiled.create_infer_request()
        self.places = places
        """Addresses and lengths of the constants, until they have been packed for this processor."""

    def __call__(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        arrays = {name: np.ascontiguousarray(tensor.float().numpy()) for name, tensor in inputs.items()}
        if self.places:  # a small call packs the weights, whose pages of the file are then no longer needed
            self.request.infer({name: _small(array) for name, array in arrays.items()})
            _let_go(self.places)
            self.places = ()
        self.request.infer(arrays, share_inputs=True)
        return [torch.from_numpy(out.data.copy()) for out in self.request.output_tensors]


def sinusoids(values: Tensor, width: int) -> Tensor:
    """Cosines, then sines, (N, width) float32, of values (N,) at frequencies from 1 to 1/10000 (Ho et al. 2020)."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angles = values.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def _small(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """One picture's input, of at most 8 latents or 64 pixels a side."""
    most = 64 if array.ndim == 4 and array.shape[1] == 3 else 8
    return np.ascontiguousarray(array[:1, :, :most, :most] if array.ndim == 4 else array[:1])


def _places(model: ov.Model) -> list[tuple[int, int]]:
    """Where the larger constants lie in memory."""
    data = [node.data for node in model.get_ops() if node.get_type_name() == "Constant"]
    return [(array.ctypes.data, array.nbytes) for array in data if array.nbytes >= PAGE_OUT_FROM]


def _let_go(places: Sequence[tuple[int, int]]) -> None:
    """Tell Linux that memory will not be needed soon: pages of a file are dropped, others stay as they are."""
    try:
        advise = ctypes.CDLL("libc.so.6").madvise
    except (OSError, AttributeError):
        return
    page = mmap.PAGESIZE
    for address, length in places:
        start = -(-address // page) * page
        whole = (address + length - start) // page * page
        advise(ctypes.c_void_p(start), ctypes.c_size_t(whole), MADV_PAGEOUT)


@cache
def _core() -> ov.Core:
    return ov.Core()
