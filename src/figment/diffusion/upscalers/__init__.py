"""Pictures made larger: as latents, by resampling, or by a network that was trained for it.

Network files of the ESRGAN kind are told by their tensors: `rrdb` (ESRGAN, Real-ESRGAN, BSRGAN) and `compact`
(Real-ESRGAN's small ones). They run in tiles that overlap, so that memory does not grow with the picture.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from figment.core import weights
from figment.core.errors import CheckpointError
from figment.core.task import Progress, Task
from figment.diffusion.checkpoints import tensors_of
from figment.diffusion.upscalers import compact, rrdb
from figment.pixels.arrays import from_signed, to_signed
from figment.pixels.files import as_pillow

__all__ = ["LATENT", "RESAMPLED", "Upscaler", "open_upscaler", "resampled", "tiled"]

Picture = NDArray[np.uint8]
Upscaler = Callable[[Picture, tuple[int, int]], Task[Picture]]
"""From a picture (H, W, 3) and the height and width that are wanted, to one of at least that size, tile by tile."""
LATENT: Mapping[str, Mapping[str, Any]] = {
    "Latent": {"mode": "bilinear", "antialias": False},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic", "antialias": False},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest"},
    "Latent (nearest-exact)": {"mode": "nearest-exact"},
}
"""How latents are enlarged, by the names of AUTOMATIC1111."""
RESAMPLED: Mapping[str, Image.Resampling] = {
    "Lanczos": Image.Resampling.LANCZOS,
    "Nearest": Image.Resampling.NEAREST,
}
TILE, OVERLAP = 192, 16
"""Pixels of a tile, and of its rim that is thrown away: about what a value depends on."""


def resampled(name: str) -> Upscaler:
    """The upscaler of `RESAMPLED` called `name`."""

    def upscale(picture: Picture, size: tuple[int, int]) -> Task[Picture]:
        yield Progress(1, 1, f"enlarging by {name}")
        return np.array(as_pillow(picture).resize((size[1], size[0]), RESAMPLED[name]))

    return upscale


def open_upscaler(path: Path, device: torch.device | None = None) -> Upscaler:
    """The upscaler in a file, told by its tensors, on `device`: a GPU where there is one.

    Raises CheckpointError for what is none.
    """
    tensors = weights.load(tensors_of(path))
    for prefix in ("params_ema.", "params."):
        inside = {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
        tensors = inside or tensors
    network, scale = _network(path, tensors)
    network.to(device or torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    def upscale(picture: Picture, size: tuple[int, int]) -> Task[Picture]:
        """As often as is needed."""
        while picture.shape[0] < size[0] or picture.shape[1] < size[1]:
            signed = torch.from_numpy(to_signed(picture))[None]
            larger = yield from tiled(network, (signed + 1) / 2, scale)
            picture = from_signed((larger[0] * 2 - 1).numpy())
            if scale == 1:
                break
        return picture

    return upscale


def _network(path: Path, tensors: Mapping[str, Tensor]) -> tuple[nn.Module, int]:
    found = rrdb.network(tensors) or compact.network(tensors)
    if found is None:
        raise CheckpointError(
            f"{path} is no upscaler that is known; there are ESRGAN, Real-ESRGAN and their compact kin."
        )
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise CheckpointError(f"{path} has numbers that are not finite; get it anew.")
    return found


def tiled(network: nn.Module, picture: Tensor, scale: int, tile: int = TILE, overlap: int = OVERLAP) -> Task[Tensor]:
    """`network` on (1, 3, H, W) in [0, 1], tile by tile; each sees `overlap` pixels beyond its part."""
    _, _, height, width = picture.shape
    out = torch.empty(1, 3, height * scale, width * scale)
    places = [(top, left) for top in range(0, height, tile) for left in range(0, width, tile)]
    for number, (top, left) in enumerate(places, start=1):
        bottom, right = min(top + tile, height), min(left + tile, width)
        above, before = min(overlap, top), min(overlap, left)
        seen = picture[:, :, top - above : bottom + overlap, left - before : right + overlap]
        part = _enlarged(network, seen)[:, :, above * scale :, before * scale :]
        rows, columns = (bottom - top) * scale, (right - left) * scale
        out[:, :, top * scale : bottom * scale, left * scale : right * scale] = part[:, :, :rows, :columns]
        yield Progress(number, len(places), "enlarging")
    return out.clamp(0, 1)


@torch.no_grad()
def _enlarged(network: nn.Module, picture: Tensor) -> Tensor:
    out: Tensor = network(picture.to(next(network.parameters()).device))
    return out.cpu()
