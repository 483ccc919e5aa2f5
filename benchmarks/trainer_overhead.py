"""Steps per second of the trainer beside a plain PyTorch loop of the same model, in turn, in one process.

    python benchmarks/trainer_overhead.py [--rounds 7] [--steps 4]

The model is the latent transformer on 32 x 32 latents (256 tokens). The plain loop has neither a moving average, nor
clipping, seeding, logging nor resumability; the trainer has them all. Prints the median ratio of times a step.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from figment import families
from figment.core.dataset import Batch, Dataset
from figment.training.device import pays_in_bfloat16
from figment.training.recipe import Recipe, Stage
from figment.training.trainer import train

SIDE, BATCH = 256, 4
MODEL = {"image_size": SIDE, "autoencoder": {"width": 8, "blocks": 1}, "transformer": {"depth": 6}}


class Noise(Dataset):
    """The same random pictures every time, so that data costs neither side anything."""

    name = "noise"
    image_shape = (3, SIDE, SIDE)

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        pictures = torch.rand(BATCH, 3, SIDE, SIDE, generator=generator) * 2 - 1
        self.one = Batch(pictures, ("a red apple",) * BATCH)

    def __len__(self) -> int:
        return BATCH

    def batch(self, index: int, size: int, seed: int = 0) -> Batch:
        return self.one


def trainer_steps(folder: Path) -> Callable[[], object]:
    """A function that does one step of the trainer."""
    recipe = Recipe("overhead", "latent_diffusion", (Stage("flow", "noise", 1_000_000, BATCH),), MODEL)
    task = train(recipe, folder, lambda _name, _size: Noise(), save_minutes=1e9)
    return lambda: next(task)


def plain_steps() -> Callable[[], object]:
    """A function that does one step of a plain loop."""
    torch.manual_seed(0)
    model = families.build("latent_diffusion", MODEL)
    optimizers = model.optimizers("flow").values()
    batch, low = Noise().one, pays_in_bfloat16(torch.device("cpu"))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            (loss,) = model.losses(batch, "flow")
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()

    return step


def seconds(step: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in itertools.repeat(None, count):
        step()
    return (time.perf_counter() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, plain = trainer_steps(Path(folder)), plain_steps()
        for step in (ours, plain):
            seconds(step, 2)  # warm-up
        pairs = [(seconds(ours, options.steps), seconds(plain, options.steps)) for _ in range(options.rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"trainer {1 / statistics.median(a for a, _ in pairs):.3f} steps/s")
    print(f"plain   {1 / statistics.median(b for _, b in pairs):.3f} steps/s")
    print(f"time of a trainer step / time of a plain step: {ratio:.3f} (median of {options.rounds}; at most 1.05)")


if __name__ == "__main__":
    main()
