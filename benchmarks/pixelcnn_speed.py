"""What PixelCNN gains by keeping what it has worked out: sampling beside the plain loop, same weights and pictures.

    python benchmarks/pixelcnn_speed.py [--rounds 5] [--threads 1] [--peer pytorch-generative]

The plain loop runs the whole network for every pixel; it is timed on whole rows of one picture, in turn with the quick
way, and both are checked to give the same pixels. Prints medians of seconds a picture and of their ratios, for one
picture and for 16 at a time. `--peer` is a checkout of pytorch-generative, which needs tensorboard and torchvision: its
own sampling, with its gated network of as many layers and channels, is timed beside one picture of ours.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import torch
from torchvision_shim import define_operators

from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families.pixelcnn import PRESETS, Model
from figment.nn.pixelwise import plainly

SIDE = 28
ROWS = {1: SIDE, 16: 2}
"""Rows of a picture for which the plain loop is timed; the rest of them cost as much."""


def model() -> Model:
    """The preset "binary" at the size of MNIST, with weights that are not those of a fresh network."""
    torch.manual_seed(0)
    made = Model(replace(PRESETS["binary"], image_size=SIDE, channels=1)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return made


def rounds(count: int, pixels: Model, number: int) -> Iterator[tuple[float, float]]:
    """Seconds that `number` pictures take the quick way and, worked out from some rows, the plain one."""
    request = SampleRequest(number)
    finish(pixels.sample(request, torch.Generator().manual_seed(0)))  # compiles
    for seed in range(count):
        begun = time.perf_counter()
        finish(pixels.sample(request, torch.Generator().manual_seed(seed)))
        quick = time.perf_counter() - begun
        begun = time.perf_counter()
        list(islice(plainly(pixels, request, torch.Generator().manual_seed(seed)), ROWS[number]))
        yield quick, (time.perf_counter() - begun) * SIDE / ROWS[number]


def peers(folder: str) -> Callable[[], object]:
    """The sampling of one picture by pytorch-generative, with a network of the same shape."""
    sys.path.insert(0, folder)
    define_operators()
    from pytorch_generative.models.autoregressive.gated_pixel_cnn import GatedPixelCNN

    config = PRESETS["binary"]
    network = GatedPixelCNN(n_gated=config.layers, gated_channels=config.width, head_channels=config.hidden).eval()
    network(torch.zeros(1, 1, SIDE, SIDE))
    print(f"pytorch-generative: {sum(p.numel() for p in network.parameters()):,} parameters")
    return lambda: network.sample(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer", help="folder of pytorch-generative")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pixels = model()
    request = SampleRequest(1)
    ways = (
        pixels.sample(request, torch.Generator().manual_seed(1)),
        plainly(pixels, request, torch.Generator().manual_seed(1)),
    )
    assert torch.equal(*(finish(way) for way in ways)), "the two ways differ"
    print(f"{sum(p.numel() for p in pixels.parameters()):,} parameters, {SIDE} x {SIDE}, {options.threads} threads")
    for number in ROWS:
        times = list(rounds(options.rounds, pixels, number))
        quick, plain = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(slow / fast for fast, slow in times)
        print(
            f"{number:2} at a time: {1000 * quick / number:.1f} ms a picture, the plain way {plain / number:.2f} s, "
            f"{ratio:.0f} times"
        )
    if options.peer:
        sample, ratios = peers(options.peer), []
        for seed in range(3):
            begun = time.perf_counter()
            finish(pixels.sample(request, torch.Generator().manual_seed(seed)))
            quick = time.perf_counter() - begun
            begun = time.perf_counter()
            sample()
            ratios.append(((time.perf_counter() - begun) / quick, quick))
        ratio, quick = statistics.median_low(ratios)
        print(f"pytorch-generative, one picture: {ratio * quick:.2f} s, {ratio:.0f} times ours")


if __name__ == "__main__":
    main()
