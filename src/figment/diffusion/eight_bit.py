"""Products of eight bits: weights and what is multiplied with them, rounded to 256 levels.

Weights are rounded for each output by their largest value. What comes in is rounded by one range for a layer, which is
found by watching the network draw (`Ranges`). First and last layers, times, prompts, and the layers that are given
what no norm has brought to size keep their precision: with the latter rounded too, a call of random weights, by ranges
of another drawing, was off by 18 % in place of 4 %, and no more than a twentieth faster.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from figment.core.errors import OutputError
from figment.core.files import write_bytes
from figment.core.task import Task
from figment.diffusion.fingerprints import cache_home
from figment.diffusion.networks import UNet

__all__ = ["LEVELS", "Ranges", "Watched", "levels", "pays", "ranges", "rounded"]

Ranges = Mapping[str, tuple[float, float]]
"""Least and largest number that each layer is given."""
LEVELS = 256
LEAST_INPUTS = 32
"""Of a layer that is rounded."""
_EXACT = ("conv_in", "conv_out", "time_emb", "add_embedding", "attn2.to_k", "attn2.to_v", "conv_shortcut", "samplers.")
_VERSION = 1
"""Of how ranges are found; a new one finds them again."""


class Watched(UNet, Protocol):
    """A UNet that notes what its layers are given."""

    @property
    def ranges(self) -> Ranges:
        """The least and the largest number so far, by layer."""


def pays(name: str, weight: Tensor) -> bool:
    """Whether the layer `name` is rounded."""
    return weight.shape[1] >= LEAST_INPUTS and not any(part in name for part in _EXACT)


def rounded(weight: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights (O, ...) as whole numbers from -127 to 127, and the factors (O, 1, ...) that make them weights again."""
    whole = weight.float().numpy()
    largest = np.abs(whole).max(axis=tuple(range(1, whole.ndim)), keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(whole / scale).astype(np.int8), scale


def levels(low: float, high: float, *, signed: bool) -> tuple[float, float]:
    """Ends of 256 even levels, one of them 0, that reach from `low` to `high`: about 0 when `signed`."""
    low, high = min(low, 0.0), max(high, 0.0)
    if signed:
        most = max(-low, high) or 1.0
        return -most * LEVELS / (LEVELS - 2), most
    scale = (high - low) / (LEVELS - 1) or 1.0
    below = round(-low / scale)
    return -below * scale, (LEVELS - 1 - below) * scale


def ranges(sha256: str, watch: Callable[[], Task[Ranges]]) -> Task[Ranges]:
    """Ranges of the checkpoint `sha256`: as they were found before, else by `watch`, and kept."""
    path = cache_home() / "ranges" / f"{sha256}-{_VERSION}.json"
    with suppress(OSError, ValueError, TypeError):
        return _read(json.loads(path.read_bytes()))
    found = yield from watch()
    with suppress(OutputError):  # they are right even if they cannot be kept
        write_bytes(path, json.dumps(found).encode())
    return found


def _read(stored: Any) -> dict[str, tuple[float, float]]:
    return {str(name): (float(low), float(high)) for name, (low, high) in dict(stored).items()}
