"""Negative log-likelihood of test pictures under trained models, in nats a picture, with a 95 % interval.

    python benchmarks/likelihoods.py runs/pixelcnn runs/pixelrnn --data binary:npz:mnist.npz
    python benchmarks/likelihoods.py runs/vae --data binary:npz:mnist.npz --importance 5000 --count 500

Exact for PixelCNN and PixelRNN; of a VAE the importance-weighted bound with as many samples as asked for, which costs
so many decoder runs a picture that a count below the whole test set may be needed.
"""

import argparse
import math
import time
from dataclasses import replace
from typing import Any

import torch

from figment.core.model import GenerativeModel, HasLikelihood
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.families import vae
from figment.metrics.estimate import Estimate
from figment.studio.create import ready
from figment.studio.library import find


def model_of(name: str, importance: int) -> GenerativeModel[Any]:
    model = ready(find(name))
    if isinstance(model, vae.Model):
        model.config = replace(model.config, importance=importance)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--importance", type=int, default=5000)
    options = parser.parse_args()
    for name in options.runs:
        model = model_of(name, options.importance)
        if not isinstance(model, HasLikelihood):
            parser.error(f"{name} says nothing of how likely pictures are; leave it out.")
        images = open_dataset(options.data, model.image_shape[1], split="test").batch(0, options.count).images
        assert images is not None
        begun = time.perf_counter()
        nats = finish(model.nats(images, torch.Generator().manual_seed(0)))
        bits = float(nats.mean()) / images[0].numel() / math.log(2)
        spent = time.perf_counter() - begun
        print(
            f"{name}: {Estimate.of_mean(nats)} nats, {bits:.4f} bits/dim, {len(nats)} pictures, {spent:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
