"""A space in which pictures are compared: the last activations of a small network that learnt from real ones.

It stands in where the Inception network of FID is not at hand, and distances in it are never called FID. On data with
classes the network learns them; on other data it learns which way up pictures are (Gidaris et al. 2018).
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, silu
from torch.optim import AdamW

from figment.core import checkpoint
from figment.core.checkpoint import Metadata
from figment.core.dataset import Batch, Dataset
from figment.core.errors import CheckpointError, DataError
from figment.core.task import Progress, Task
from figment.nn.perceptual import FeatureNet, turned

__all__ = ["FeatureSpace", "open_features", "save_features", "train_features"]

KIND = "metrics.features"
BATCH = 64
AT_ONCE = 256
WHICH_WAY = "which way is up"


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """A trained network and what it learnt."""

    network: FeatureNet
    config: dict[str, int]
    """Channels, classes and width of the network."""
    learnt: str
    """In a few words, for reports."""

    @torch.no_grad()
    def of(self, images: Tensor) -> Tensor:
        """Features (N, 8 * width) of pictures (N, C, H, W) in [-1, 1]."""
        chunks = torch.split(images, AT_ONCE)
        return torch.cat([silu(self.network.features(chunk)[-1]).mean(dim=(2, 3)).float() for chunk in chunks])

    @property
    def classes(self) -> int:
        """How many classes the network tells apart; 0 where it learnt something else."""
        return 0 if self.learnt == WHICH_WAY else self.config["classes"]

    @torch.no_grad()
    def named(self, images: Tensor) -> Tensor:
        """Class numbers (N,) of pictures (N, C, H, W) in [-1, 1]."""
        return torch.cat([self.network(chunk).argmax(dim=1) for chunk in torch.split(images, AT_ONCE)])


def train_features(data: Dataset, steps: int, *, width: int = 16, seed: int = 0) -> Task[FeatureSpace]:
    """A feature space that learns from `data` alone. Raises DataError for data without pictures."""
    if data.image_shape is None:
        raise DataError(f"{data.name} has no pictures to learn features from.")
    by_class = data.batch(0, 1).labels is not None and len(data.classes) > 1
    classes = len(data.classes) if by_class else 4
    config = {"channels": data.image_shape[0], "classes": classes, "width": width}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FeatureNet(**config)
    optimizer = AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
        images, wanted = _question(data.batch(step, BATCH, seed), by_class, seed + step)
        with torch.enable_grad():
            loss = cross_entropy(network(images).float(), wanted, label_smoothing=0.1)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
        optimizer.step()
        yield Progress(step + 1, steps, "learn features", {"loss": float(loss.detach())})
    return FeatureSpace(network.eval(), config, f"{len(data.classes)} classes" if by_class else WHICH_WAY)


def _question(batch: Batch, by_class: bool, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures, and what is to be said of them: their class, or by how many quarter turns each was turned."""
    assert batch.images is not None
    if by_class and batch.labels is not None:
        return batch.images, batch.labels
    turns = torch.randint(4, (len(batch.images),), generator=torch.Generator().manual_seed(seed))
    return turned(batch.images, turns), turns


def save_features(space: FeatureSpace, path: Path, data: Dataset) -> None:
    """Write a trained feature space to a safetensors file."""
    metadata = Metadata(KIND, space.config, data.sources, extra={"learnt": space.learnt})
    checkpoint.save(path, space.network.state_dict(), metadata)


def open_features(path: Path) -> FeatureSpace:
    """The feature space in `path`. Raises CheckpointError for any other file."""
    tensors, metadata = checkpoint.load(path)
    if metadata.family != KIND:
        raise CheckpointError(f"{path} holds a '{metadata.family}', not a feature space.")
    config = dict(metadata.config)
    network = FeatureNet(**config)
    network.load_state_dict(tensors)
    return FeatureSpace(network.eval(), config, str(metadata.extra["learnt"]))
