"""What fewer sampling steps cost a diffusion model: distances to held-out pictures after 1,000 steps and after few.

    python benchmarks/ddpm_steps.py runs/ddpm [--count 500] [--steps 1000 50 20 10]

All are drawn from the same noise. The first row is the floor: training pictures against as many held-out ones, in the
features of a network that learns the data's classes; its distances are not FID.
"""

import argparse
import time

import torch
from torch import Tensor

from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.metrics.estimate import bootstrap
from figment.metrics.features import FeatureSpace
from figment.metrics.frechet import frechet_distance
from figment.metrics.kernel import kernel_distance
from figment.studio.create import ready
from figment.studio.evaluate import features_of, trained_on
from figment.studio.library import find

AT_ONCE = 50


def told(name: str, space: FeatureSpace, pictures: Tensor, real: Tensor, seconds: float | None = None) -> None:
    features = space.of(pictures)
    kernel = kernel_distance(features, real, size=min(1000, len(features) // 2))
    spent = "" if seconds is None else f"  {seconds / len(pictures):.3f} s a picture"
    frechet = bootstrap(frechet_distance, features, real)
    print(f"{name:24} Fréchet {frechet}  kernel x 1000 {1000 * kernel.value:.2f}{spent}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--steps", type=int, nargs="+", default=[1000, 50, 20, 10])
    parser.add_argument("--samplers", nargs="+", default=["DDIM", "DPM++ 2M"])
    options = parser.parse_args()
    entry = find(options.run)
    model = ready(entry)
    source = trained_on(entry)
    train, test = (open_dataset(source, model.image_shape[1], split=split) for split in ("train", "test"))
    space = finish(features_of(source, train, model.image_shape[1]))
    known, held_out = (data.batch(0, options.count).images for data in (train, test))
    assert known is not None
    assert held_out is not None
    real = space.of(held_out)
    told("real training pictures", space, known, real)
    for steps in options.steps:
        for sampler in options.samplers[: 1 if steps >= 1000 else None]:
            rng = torch.Generator().manual_seed(0)
            begun = time.perf_counter()
            made = [
                finish(model.sample(SampleRequest(AT_ONCE, steps=steps, sampler=sampler), rng))
                for _ in range(options.count // AT_ONCE)
            ]
            told(f"{steps} steps, {sampler}", space, torch.cat(made).cpu(), real, time.perf_counter() - begun)


if __name__ == "__main__":
    main()
