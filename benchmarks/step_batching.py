"""Eight small requests sampled one after another, and all at once with shared calls of the network.

    python benchmarks/step_batching.py [--model NAME] [--requests 8] [--size 128] [--rounds 5]

The requests differ in prompt, seed, guidance and number of steps. Prints seconds of CPU and of the clock for each way
(medians of rounds in turn), what sharing gains, and how far its pictures are from those that were made alone.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families.latent_diffusion import Model
from figment.nn.shared_calls import SharedCalls
from figment.studio.create import model_of, ready

PROMPTS = (
    "a red apple",
    "two cats",
    "a blue house at night",
    "노란 별",
    "a green cactus",
    "a ship",
    "a mushroom",
    "눈사람",
)


def requests(count: int, size: int) -> list[SampleRequest]:
    return [
        SampleRequest(
            prompts=(PROMPTS[n % len(PROMPTS)],),
            guidance=2.0 + n % 3,
            steps=12 + n % 5,
            height=size,
            width=size,
            preview=False,
        )
        for n in range(count)
    ]


def sampled(model: Model, request: SampleRequest, seed: int) -> Tensor:
    return finish(model.sample(request, torch.Generator().manual_seed(seed)))


def timed(way: Callable[[], list[Tensor]]) -> tuple[list[Tensor], float, float]:
    cpu, clock = time.process_time(), time.perf_counter()
    pictures = way()
    return pictures, time.process_time() - cpu, time.perf_counter() - clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    entry = model_of(options.model)
    model = ready(entry)  # type: ignore[arg-type]  # a checkpoint is refused on the next line
    if not isinstance(model, Model):
        raise SystemExit(f"{options.model} shares no calls; name a latent diffusion model.")
    asked = requests(options.requests, options.size)
    shared = SharedCalls()

    def alone() -> list[Tensor]:
        model.shared = None
        return [sampled(model, request, seed) for seed, request in enumerate(asked)]

    def together() -> list[Tensor]:
        model.shared = shared
        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(lambda pair: sampled(model, pair[1], pair[0]), enumerate(asked)))

    found: dict[str, list[tuple[float, float]]] = {"alone": [], "together": []}
    apart = 0.0
    for _ in range(options.rounds + 1):
        pictures = {}
        for name, way in (("alone", alone), ("together", together)):
            pictures[name], cpu, clock = timed(way)
            found[name].append((cpu, clock))
        pairs = zip(pictures["alone"], pictures["together"], strict=True)
        apart = max(apart, *(float((one - other).abs().max()) for one, other in pairs))
    rows = {
        name: [statistics.median(column) for column in zip(*times[1:], strict=True)] for name, times in found.items()
    }
    print(f"{options.requests} requests of {options.size} px, at most {shared.most_rows} rows at once")
    for name, (cpu, clock) in rows.items():
        print(f"{name:9} {cpu:6.2f} s CPU  {clock:6.2f} s")
    gain = [one / other for one, other in zip(rows["alone"], rows["together"], strict=True)]
    print(f"gain      {gain[0]:6.2f}        {gain[1]:6.2f};  pictures at most {apart:.4f} apart, of 2")


if __name__ == "__main__":
    main()
