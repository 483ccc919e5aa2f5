"""Denoising diffusion beside `denoising-diffusion-pytorch`: training and sampling steps, as many parameters each.

    pip install --no-deps denoising-diffusion-pytorch ema-pytorch einops accelerate psutil pytorch-fid
    pip install --no-deps torchvision==0.28.0
    python benchmarks/ddpm_speed.py [--rounds 9] [--threads 2] [--side 32]

Both are timed in turn, in one process, on the same pictures: in float32, and then with our defaults, which compute in
bfloat16 where the processor has instructions for it. Prints medians of milliseconds and of ratios, theirs to ours.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torchvision_shim import define_operators

from figment.core.dataset import Batch
from figment.families import ddpm
from figment.nn.unet import UNetConfig
from figment.training.device import pays_in_bfloat16

THEIRS = {"dim": 64, "dim_mults": (1, 2, 4)}
TRAIN, SAMPLE = 8, (1, 8)
"""Pictures in a training step, and in a sampling step."""


def peer(side: int) -> nn.Module:
    """Their process around their network, which predicts noise."""
    define_operators()
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    process: nn.Module = GaussianDiffusion(Unet(channels=3, **THEIRS), image_size=side, timesteps=1000)
    return process


def ours(side: int, parameters: int) -> ddpm.Model:
    """Ours, of the shape and width that comes nearest to `parameters` of the network."""
    shapes = [UNetConfig(width=width, multiples=(1, 2, 4), blocks=2) for width in range(32, 72, 8)]
    shapes += [UNetConfig(width=width, multiples=(1, 2, 4), blocks=1) for width in range(40, 80, 8)]
    models = [ddpm.Model(ddpm.Config(image_size=side, unet=shape)) for shape in shapes]
    return min(models, key=lambda model: abs(size(model) - parameters))


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def in_turn(rounds: int, ways: Sequence[Callable[[], object]]) -> list[list[float]]:
    """Seconds of each way in each round, after one that does not count."""
    times: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        for way, taken in zip(ways, times, strict=True):
            begun = time.perf_counter()
            way()
            if number:
                taken.append(time.perf_counter() - begun)
    return times


def report(name: str, theirs: list[float], mine: list[list[float]], labels: Sequence[str]) -> None:
    told = [f"theirs {1000 * statistics.median(theirs):.1f} ms"]
    for label, times in zip(labels, mine, strict=True):
        ratio = statistics.median(a / b for a, b in zip(theirs, times, strict=True))
        told.append(f"ours in {label} {1000 * statistics.median(times):.1f} ms ({ratio:.2f} times as fast)")
    print(f"{name:24} {', '.join(told)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    theirs = peer(options.side)
    mine = ours(options.side, size(theirs))
    print(f"parameters: theirs {size(theirs):,}, ours {size(mine):,}; {options.side} px, {options.threads} threads")
    low = pays_in_bfloat16(torch.device("cpu"))
    kinds = {"fp32": False, "defaults (bf16)" if low else "defaults (fp32)": low}
    images = torch.rand(TRAIN, 3, options.side, options.side)
    their_optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-4)
    my_optimizer = mine.optimizers("model")["model"]

    def their_step() -> None:
        descend(their_optimizer, theirs(images))

    def my_step(in_low: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=in_low):
            (loss,) = mine.losses(Batch(images * 2 - 1), "model")
        descend(my_optimizer, loss.value)

    ways = [their_step, *(lambda in_low=in_low: my_step(in_low) for in_low in kinds.values())]
    taken, *each = in_turn(options.rounds, ways)
    report(f"training step, batch {TRAIN}", taken, each, list(kinds))
    for count in SAMPLE:
        noise, times = torch.randn(count, 3, options.side, options.side), torch.full((count,), 500)

        @torch.no_grad()
        def their_call(noise: Tensor = noise, times: Tensor = times) -> None:
            theirs.model(noise, times)  # type: ignore[operator]  # nn.Module forgets the type of its parts

        @torch.no_grad()
        def my_call(in_low: bool, noise: Tensor = noise, times: Tensor = times) -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=in_low):
                mine.unet(noise, mine.time(times / 1000))

        ways = [their_call, *(lambda in_low=in_low, call=my_call: call(in_low) for in_low in kinds.values())]
        taken, *each = in_turn(options.rounds, ways)
        report(f"sampling step, batch {count}", taken, each, list(kinds))


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


if __name__ == "__main__":
    main()
