"""The feature network of FID itself, where its file is at hand: `inception-2015-12-05.pt`, which clean-fid also uses.

It is a TorchScript archive: a program of tensor operations, not Python. Nothing fetches it.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from figment.core.errors import CheckpointError

__all__ = ["Inception", "open_inception"]

AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Inception:
    """A scripted network that takes 8-bit pictures of any size and returns features."""

    network: torch.jit.ScriptModule
    learnt: str = "ImageNet (Inception)"

    @torch.no_grad()
    def of(self, images: Tensor) -> Tensor:
        """Features (N, 2048) of pictures (N, C, H, W) in [-1, 1]; grey ones are taken for colour."""
        found = []
        for some in torch.split(images, AT_ONCE):
            levels = ((some + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
            found.append(self.network(levels.expand(-1, 3, -1, -1), return_features=True).float())
        return torch.cat(found)


def open_inception(path: Path) -> Inception:
    """The network in the file at `path`. Raises CheckpointError for a file that holds no such network."""
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}; FID needs inception-2015-12-05.pt, and nothing fetches it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            space = Inception(torch.jit.load(path, map_location="cpu").eval())  # type: ignore[no-untyped-call]
        features = space.of(torch.zeros(2, 1, 32, 32))
    except (RuntimeError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is not the scripted Inception network of FID ({error}).") from None
    if features.ndim != 2 or len(features) != 2:
        shape = tuple(features.shape)
        raise CheckpointError(f"{path} is not the scripted Inception network of FID: it returns {shape}.")
    return space
