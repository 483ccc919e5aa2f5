"""How many modes a generator finds: 25 Gaussians on a grid, and 1,000 stacked digits; both presets of `gan` in turn.

    python benchmarks/mode_collapse.py grid [--steps 20000] [--seeds 3] [-o points.png]
    python benchmarks/mode_collapse.py stacked --data npz:mnist.npz [--steps 20000] [--batch 64] [--seeds 3] [--rate R]

grid (protocol of PacGAN, Lin et al. 2018): 2,500 points; a point within 3 deviations of a mode is of high quality, a
mode with one such point is found. stacked (Metz et al. 2017): three digits in the three channels of a picture; a
classifier, trained here on single digits, names them, and 26,000 pictures are counted over the 1,000 triples.
A classifier names noise too: pictures after ten steps of training are spread over 975 triples. Of high quality is
a picture all whose digits it names with 80 % certainty, as 95 % of real ones are, and modes are counted among those
alone as well. Learning rates fall to nothing along a cosine, as they do in training. Prints modes found, the share of
high quality, the modes among those and the divergence from uniform; draws the last seed's points after real ones.
"""

import argparse
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from figment.core.dataset import Batch, Dataset
from figment.core.files import write_bytes
from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.families import gan
from figment.metrics.features import train_features
from figment.metrics.modes import unevenness
from figment.nn.adversarial import critic_loss, generator_loss, gradient_penalty
from figment.nn.perceptual import FeatureNet
from figment.pixels.files import encode
from figment.pixels.grids import grid as tiles
from figment.training.device import pays_in_bfloat16

PRESETS = {"classic": gan.PRESETS["classic"], "default": gan.Config()}
DEVIATION, POINTS = 0.05, 2500
CENTRES = torch.cartesian_prod(*(torch.arange(-4.0, 5.0, 2.0),) * 2)
STACKED = 26_000
GRID_RATE = 1e-3
SIDE = 260  # pixels of a picture of points
SURE = 0.8
"""Share that a digit has of the classifier's opinion for it to count as well made."""


class Found(NamedTuple):
    """What a generator was found to make."""

    modes: int
    """As the protocol counts them."""
    good: float
    """Share of its pictures that are of high quality."""
    sure: int
    """Modes of those alone."""
    apart: float
    """Divergence of all its pictures from an even spread."""


def players(code: int) -> tuple[nn.Module, nn.Module]:
    """A generator of points and a critic of them, three hidden layers of 128 each."""

    def network(first: int, last: int) -> nn.Sequential:
        hidden = [layer for width in (first, 128, 128) for layer in (nn.Linear(width, 128), nn.LeakyReLU(0.2))]
        return nn.Sequential(*hidden, nn.Linear(128, last))

    return network(code, 2), network(2, 1)


def grid(config: gan.Config, steps: int, seed: int) -> tuple[Found, Tensor]:
    """Modes found, share of points of high quality, and divergence from uniform over the modes; and the points."""
    torch.manual_seed(seed)
    generator, critic = players(2)
    betas = (config.momentum, 0.999 if config.momentum else 0.99)
    play, judge = (torch.optim.Adam(one.parameters(), lr=GRID_RATE, betas=betas) for one in (generator, critic))
    for step in range(steps):
        for optimizer in (play, judge):
            slow_down(optimizer, GRID_RATE, step / steps)
        real = CENTRES[torch.randint(25, (256,))] + DEVIATION * torch.randn(256, 2)
        made = generator(torch.randn(256, 2))
        penalty = torch.zeros(())
        if config.penalty:
            (told, r1), (false, r2) = (gradient_penalty(critic, points) for points in (real, made.detach()))
            penalty = 0.5 * config.penalty * (r1 + r2)
        else:
            told, false = critic(real), critic(made.detach())
        descend(judge, critic_loss(told, false, paired=config.paired) + penalty)
        descend(play, generator_loss(critic(real).detach(), critic(made), paired=config.paired))
    with torch.no_grad():
        points = generator(torch.randn(POINTS, 2))
    distances = torch.cdist(points, CENTRES)
    nearest = distances.min(dim=1)
    good = nearest.values < 3 * DEVIATION
    found = nearest.indices[good].unique()  # type: ignore[no-untyped-call]  # torch has no annotation here
    counts = torch.bincount(nearest.indices, minlength=25)
    return Found(len(found), float(good.float().mean()), len(found), unevenness(counts)), points


def slow_down(optimizer: torch.optim.Optimizer, peak: float, done: float) -> None:
    """Set the learning rate after a share `done` of the steps."""
    for group in optimizer.param_groups:
        group["lr"] = peak * 0.5 * (1 + math.cos(math.pi * done))


def drawn(points: Tensor) -> NDArray[np.uint8]:
    """A picture (SIDE, SIDE, 3) of points, dark where there are many."""
    places = ((points + 5.5) / 11 * SIDE).long().clamp(0, SIDE - 1)
    counts = torch.bincount(places[:, 1] * SIDE + places[:, 0], minlength=SIDE**2).view(1, 1, SIDE, SIDE).float()
    spots = torch.nn.functional.max_pool2d(counts, 3, stride=1, padding=1)[0, 0]
    levels = (255 * (1 - 0.85 * (spots / 3).clamp(max=1))).to(torch.uint8)
    return np.repeat(levels.numpy()[..., None], 3, axis=2)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss, inputs=[weight for group in optimizer.param_groups for weight in group["params"]])
    optimizer.step()


class Stacked(Dataset):
    """Three grey pictures of another set as the channels of one."""

    name = "stacked"
    image_shape: tuple[int, int, int]

    def __init__(self, grey: Dataset) -> None:
        assert grey.image_shape is not None
        self.grey, self.image_shape = grey, (3, *grey.image_shape[1:])

    def __len__(self) -> int:
        return len(self.grey)

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        images = self.grey.batch(index, 3 * size, seed).images
        assert images is not None
        return Batch(images.view(size, 3, *self.image_shape[1:]))


def stacked(config: gan.Config, data: Dataset, names: FeatureNet, steps: int, batch: int, seed: int) -> Found:
    """Modes found among 1,000 by a generator trained for as many `steps` of `batch` pictures."""
    torch.manual_seed(seed)
    batches = Stacked(data)
    model = gan.Model(replace(config, image_size=batches.image_shape[1], channels=3))
    optimizers = model.optimizers("model")
    low = pays_in_bfloat16(model.device)
    for step in range(steps):
        with torch.autocast(model.device.type, torch.bfloat16, enabled=low):
            for loss in model.losses(batches.batch(step, batch, seed), "model"):
                assert isinstance(loss.optimizer, str)
                slow_down(optimizers[loss.optimizer], model.config.learning_rate, step / steps)
                descend(optimizers[loss.optimizer], loss.value)
    model.eval()
    rng = torch.Generator().manual_seed(seed)
    triples, certain = (torch.cat(parts) for parts in zip(*named(model, names, rng), strict=True))
    counts = torch.bincount(triples, minlength=1000)
    sure = torch.bincount(triples[certain], minlength=1000)
    return Found(int((counts > 0).sum()), float(certain.float().mean()), int((sure > 0).sum()), unevenness(counts))


@torch.no_grad()
def named(model: gan.Model, names: FeatureNet, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Numbers 0 to 999 of samples, and whether the classifier is sure of them, 260 at a time."""
    for _ in range(STACKED // 260):
        pictures = finish(model.sample(SampleRequest(260), rng))
        opinion = names(pictures.flatten(0, 1)[:, None]).softmax(dim=1).max(dim=1)
        digits = opinion.indices.view(-1, 3)
        yield digits @ torch.tensor([100, 10, 1]), (opinion.values.view(-1, 3) >= SURE).all(dim=1)


def classifier(data: Dataset, test: Dataset) -> FeatureNet:
    """A network that names single digits; its accuracy on held-out ones is printed."""
    space = finish(train_features(data, 3000, width=16))
    batch = test.batch(0, min(len(test), 2000))
    assert batch.images is not None
    assert batch.labels is not None
    with torch.no_grad():
        logits = space.network(batch.images)
    right = (logits.argmax(dim=1) == batch.labels).float().mean()
    loss = cross_entropy(logits, batch.labels)
    sure = (logits.softmax(dim=1).amax(dim=1) >= SURE).float().mean()
    print(f"classifier: {float(right):.2%} of held-out digits right, {float(sure):.2%} surely, loss {float(loss):.3f}")
    return space.network


def report(name: str, rows: Sequence[Found], total: int) -> None:
    modes, good, sure, apart = (statistics.median(column) for column in zip(*rows, strict=True))
    each = ", ".join(str(row.modes) for row in rows)
    quality = f"high quality {good:.1%}, modes among those {sure:g}"
    print(f"{name:8} modes {modes:g} of {total} ({each})  {quality}  KL {apart:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("grid", "stacked"))
    parser.add_argument("--data", default="mnist-5k")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=64, help="stacked pictures a step")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--width", type=int, help="channels of both presets at the finest level")
    parser.add_argument("--rate", type=float, help="learning rate of both presets")
    parser.add_argument("--penalty", type=float, help="weight of the penalties of the default")
    parser.add_argument("-o", "--out", type=Path, help="picture of the points on the grid to write")
    parser.add_argument("--only", choices=sorted(PRESETS), help="one preset alone")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    given = {"width": options.width, "learning_rate": options.rate}
    changes = {name: value for name, value in given.items() if value}
    presets = {name: replace(preset, **changes) for name, preset in PRESETS.items() if options.only in (None, name)}
    if options.penalty is not None and "default" in presets:
        presets["default"] = replace(presets["default"], penalty=options.penalty)
    if options.part == "grid":
        shown = [CENTRES.repeat(100, 1) + DEVIATION * torch.randn(POINTS, 2)]
        for name, config in presets.items():
            found = [grid(config, options.steps, seed) for seed in seeds]
            report(name, [row for row, _ in found], 25)
            shown.append(found[-1][1])
        if options.out:
            write_bytes(options.out, encode(tiles([drawn(points) for points in shown], len(shown), padding=8), "png"))
        return
    data, test = (open_dataset(options.data, split=split) for split in ("train", "test"))
    names = classifier(data, test)
    for name, config in presets.items():
        rows = [stacked(config, data, names, options.steps, options.batch, seed) for seed in seeds]
        report(name, rows, 1000)


if __name__ == "__main__":
    main()
