"""A judge: a small network, trained on real pictures only, that says what a picture shows and in which style."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, silu
from torch.optim import AdamW

from figment.core import checkpoint
from figment.core.checkpoint import Metadata
from figment.core.dataset import Source
from figment.core.errors import CheckpointError
from figment.core.task import Progress, Task
from figment.nn.convolution import Downsample, ResidualBlock

__all__ = ["Example", "Judge", "JudgeSizes", "open_judge", "save_judge", "train_judge"]

KIND = "metrics.judge"
WARM_UP = 100
LEARNING_RATE = 2e-3
CONCEPT_SMOOTHING = 0.1


@dataclass(frozen=True)
class JudgeSizes:
    """How large a judge is."""

    concepts: int
    styles: int
    width: int = 32
    """Channels of the first layer, a multiple of 8."""
    side: int = 64
    """Pixels to which pictures are brought, a multiple of 16."""


@dataclass(frozen=True)
class Example:
    """Labelled pictures to learn from."""

    images: Tensor
    """(B, 3, H, W) in [-1, 1]."""
    concepts: Tensor
    """(B,) int64."""
    styles: Tensor
    """(B,) int64."""


class Judge(nn.Module):
    """A residual network with one head for what is shown and one for the style."""

    def __init__(self, sizes: JudgeSizes) -> None:
        super().__init__()
        self.sizes = sizes
        widths = [sizes.width * 2**level for level in range(4)]
        self.stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1)
        levels = [nn.Sequential(ResidualBlock(now), Downsample(now, after)) for now, after in pairwise(widths)]
        self.trunk = nn.Sequential(*levels, ResidualBlock(widths[-1]), nn.GroupNorm(8, widths[-1]))
        self.concept_head = nn.Linear(widths[-1], sizes.concepts)
        self.style_head = nn.Linear(widths[-1], sizes.styles)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs of torch

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the concepts (B, concepts) and of the styles (B, styles) for `images` (B, 3, H, W) in [-1, 1]."""
        features = self.features(images)
        return self.concept_head(features), self.style_head(features)

    def features(self, images: Tensor) -> Tensor:
        """What both heads read: (B, 8 * width) for `images` (B, 3, H, W) in [-1, 1]."""
        side = self.sizes.side
        if images.shape[-2:] != (side, side):
            images = interpolate(images, (side, side), mode="bilinear", antialias=True)
        hidden = self.trunk(self.stem(images.contiguous(memory_format=torch.channels_last)))
        features: Tensor = silu(hidden).mean(dim=(2, 3))
        return features

    @torch.no_grad()
    def top(self, images: Tensor, k: int) -> Tensor:
        """The `k` most likely concepts (B, k) of `images` (B, 3, H, W) in [-1, 1], the likeliest first."""
        concepts: Tensor = self(images)[0]
        return concepts.topk(k, dim=1).indices


def train_judge(judge: Judge, examples: Callable[[int], Example], steps: int, *, bfloat16: bool = False) -> Task[None]:
    """Train `judge` where it is on `examples(step)`, with AdamW along a cosine; it ends in evaluation mode."""
    device = next(judge.parameters()).device
    optimizer = AdamW(judge.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    judge.train()
    for step in range(steps):
        example = examples(step)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            concepts, styles = judge(example.images.to(device))
        wanted = example.concepts.to(device)
        by_concept = cross_entropy(concepts.float(), wanted, label_smoothing=CONCEPT_SMOOTHING)
        by_style = cross_entropy(styles.float(), example.styles.to(device))
        optimizer.zero_grad()
        torch.autograd.backward(by_concept + by_style)
        nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        optimizer.step()
        rate.step()
        losses = {"concept": by_concept.item(), "style": by_style.item()}
        hits = float((concepts.argmax(dim=1) == wanted).float().mean())
        yield Progress(step + 1, steps, "judge", losses | {"hits": hits})
    judge.eval()


def save_judge(judge: Judge, path: Path, steps: int, sources: tuple[Source, ...]) -> None:
    """Write a trained judge to a safetensors file."""
    metadata = Metadata(KIND, vars(judge.sizes), sources, steps={"judge": steps})
    checkpoint.save(path, judge.state_dict(), metadata)


def open_judge(path: Path) -> Judge:
    """The judge in `path`, in evaluation mode. Raises CheckpointError for any other file."""
    tensors, metadata = checkpoint.load(path)
    if metadata.family != KIND:
        raise CheckpointError(f"{path} holds a '{metadata.family}', not a judge.")
    judge = Judge(JudgeSizes(**metadata.config))
    judge.load_state_dict(tensors)
    return judge.eval()


def _rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: a linear rise over at most a tenth of the steps, then a cosine to zero."""
    return min(1.0, (step + 1) / max(1, min(WARM_UP, steps // 10))) * 0.5 * (1 + math.cos(math.pi * step / steps))
