"""Eight small requests sampled one after another, and all at once with shared calls of the network.

    python benchmarks/step_batching.py [--model NAME | --checkpoint FILE] [--requests 8] [--size 128] [--steps 12]
        [--rounds 5]

The requests differ in prompt, seed, guidance and number of steps; those for a Stable Diffusion checkpoint in sampler
too. Prints seconds of CPU, of the clock, and until the first picture for each way (medians of rounds in turn), what
sharing gains, and how far its pictures are from those that were made alone. `python -m tests.diffusion.made` writes
checkpoints of random weights, tiny or as large as real ones.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families.latent_diffusion import Model
from figment.nn.shared_calls import SharedCalls, Shares
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


SAMPLERS = ("DPM++ 2M", "Euler a", "DDIM", "UniPC")


@dataclass(frozen=True)
class Subject:
    """What draws, and what it is asked for; pictures are in [-1, 1]."""

    model: Shares
    asked: Sequence[Callable[[], Tensor]]
    device: str


def own(name: str | None, count: int, size: int, steps: int) -> Subject:
    """A model of Figment's own."""
    model = ready(model_of(name))  # type: ignore[arg-type]  # a checkpoint is refused on the next line
    if not isinstance(model, Model):
        raise SystemExit(f"{name} shares no calls; name a latent diffusion model.")

    def sampled(number: int) -> Tensor:
        request = SampleRequest(
            prompts=(PROMPTS[number % len(PROMPTS)],),
            guidance=2.0 + number % 3,
            steps=steps + number % 5,
            height=size,
            width=size,
            preview=False,
        )
        return finish(model.sample(request, torch.Generator().manual_seed(number))).cpu()

    return Subject(model, [partial(sampled, number) for number in range(count)], model.device.type)


def stable_diffusion(file: Path, count: int, size: int, steps: int) -> Subject:
    """A checkpoint, by the backend that is best here."""
    from figment.diffusion.checkpoints import open_checkpoint
    from figment.diffusion.devices import best
    from figment.diffusion.engine import Engine, Job, Networks
    from figment.diffusion.options import Options

    backend = best()
    engine = Engine(Networks(open_checkpoint(file)), backend)

    def drawn(number: int) -> Tensor:
        options = Options(sampler=SAMPLERS[number % len(SAMPLERS)])
        prompt = PROMPTS[number % len(PROMPTS)]
        job = Job(prompt, "blurry", (number,), steps + number % 5, 5.0 + number % 3, (size, size), options)
        return torch.from_numpy(finish(engine.draw(job))[0]).float() / 127.5 - 1

    return Subject(engine, [partial(drawn, number) for number in range(count)], backend.device.type)


@dataclass
class Round:
    """One way, once."""

    pictures: list[Tensor]
    cpu: float
    clock: float
    first: float
    """Seconds until the first picture was there."""


def timed(way: Callable[[Callable[[Callable[[], Tensor]], Tensor]], list[Tensor]]) -> Round:
    """`way` is given what makes one picture and notes the time."""
    ends: list[float] = []

    def noted(made: Callable[[], Tensor]) -> Tensor:
        picture = made()
        ends.append(time.perf_counter())
        return picture

    cpu, clock = time.process_time(), time.perf_counter()
    pictures = way(noted)
    return Round(pictures, time.process_time() - cpu, time.perf_counter() - clock, min(ends) - clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--requests", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=12, help="of the request with the fewest")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.checkpoint:
        subject = stable_diffusion(options.checkpoint, options.requests, options.size, options.steps)
    else:
        subject = own(options.model, options.requests, options.size, options.steps)
    shared = SharedCalls(device=subject.device)

    def alone(noted: Callable[[Callable[[], Tensor]], Tensor]) -> list[Tensor]:
        subject.model.shared = None
        return [noted(made) for made in subject.asked]

    def together(noted: Callable[[Callable[[], Tensor]], Tensor]) -> list[Tensor]:
        subject.model.shared = shared
        with ThreadPoolExecutor(len(subject.asked)) as pool:
            return list(pool.map(noted, subject.asked))

    found: dict[str, list[Round]] = {"alone": [], "together": []}
    apart = 0.0
    for number in range(options.rounds + 1):  # in the first one, networks are made and the knee is found
        pair = timed(alone), timed(together)
        pictures = zip(pair[0].pictures, pair[1].pictures, strict=True)
        apart = max(apart, *(float((one - other).abs().max()) for one, other in pictures))
        if number:
            found["alone"].append(pair[0])
            found["together"].append(pair[1])
    rows = max((knee.rows for knee in shared.knees()), default=0)
    print(f"{options.requests} requests of {options.size} px, at most {rows} rows at once")
    print("              CPU     clock     first")
    medians = {}
    for name, rounds in found.items():
        times = [(one.cpu, one.clock, one.first) for one in rounds]
        medians[name] = [statistics.median(column) for column in zip(*times, strict=True)]
        print(f"{name:9}" + "".join(f"{seconds:8.2f} s" for seconds in medians[name]))
    gain = [one / other for one, other in zip(medians["alone"], medians["together"], strict=True)]
    print("gain     " + "".join(f"{one:8.2f}  " for one in gain) + f" pictures at most {apart:.4f} apart, of 2")


if __name__ == "__main__":
    main()
