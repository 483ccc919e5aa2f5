"""One guided step of Stable Diffusion, and a whole picture, beside the networks of diffusers, from the same file.

    python -m tests.diffusion.made sd15.safetensors SD1.x --full
    python benchmarks/sd_step.py sd15.safetensors [--sizes 512 256] [--rounds 3] [--picture] [--command "..."]

A guided step is one call of the UNet with a batch of two. All ways are timed in turn in one process: ours as this
machine runs it, diffusers in float32 (its default) and in bfloat16. Prints medians of seconds, of ratios (theirs to
ours), how far one call is from float32, and the share of the bfloat16 peak of this machine that it reaches. --picture
adds 20 steps and the decoding. --command is another engine's command line, timed as a whole beside them.
"""

import argparse
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from figment.diffusion.checkpoints import Checkpoint, open_checkpoint
from figment.diffusion.devices import Backend, best
from figment.diffusion.networks import Autoencoder, Conditioning, UNet
from figment.diffusion.torch_backend import TorchBackend

CPU = torch.device("cpu")
STEPS = 20
CALL = 1.606e12
"""Floating-point operations of a call at 512 px with a batch of two (counted, attention by formula)."""


def peak(rounds: int = 9) -> float:
    """Operations in a second that a large convolution or product in bfloat16 reaches here, whoever computes it."""
    layer = torch.nn.Conv2d(640, 640, 3, padding=1, dtype=torch.bfloat16)
    x = torch.randn(2, 640, 64, 64, dtype=torch.bfloat16)
    square = torch.randn(4096, 4096, dtype=torch.bfloat16)
    ways: list[tuple[Callable[[], object], float]] = [
        (lambda: layer(x), 2 * 2 * 640 * 640 * 9 * 64 * 64),
        (lambda: square @ square, 2 * 4096**3),
    ]
    if find_spec("openvino") is not None:
        ways.append((_by_openvino(), ways[0][1]))
    with torch.no_grad():
        return max(count / min(_timed(way) for _ in range(rounds)) for way, count in ways)


def _by_openvino() -> Callable[[], object]:
    import numpy as np
    import openvino as ov
    import openvino.opset13 as ops

    x = ops.parameter([2, 640, 64, 64], np.float32)
    weight = ops.constant(np.random.default_rng(0).standard_normal((640, 640, 3, 3), np.float32))
    layer = ops.convolution(x, weight, [1, 1], [1, 1], [1, 1], [1, 1])
    request = ov.Core().compile_model(ov.Model([layer], [x], "layer"), "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    given = np.zeros((2, 640, 64, 64), np.float32)
    return partial(request, [given])


def _timed(way: Callable[[], object]) -> float:
    begun = time.perf_counter()
    way()
    return time.perf_counter() - begun


def inputs(checkpoint: Checkpoint, size: int) -> tuple[Tensor, Tensor, Conditioning]:
    rng = torch.Generator().manual_seed(0)
    width = checkpoint.kind.configs["unet"]["cross_attention_dim"]
    told: list[Tensor | None] = [torch.randn(2, 77, width, generator=rng), None, None]
    if "text_2" in checkpoint.parts:
        told[1:] = [torch.randn(2, 1280, generator=rng), torch.full((2, 6), float(size))]
    latents = torch.randn(2, 4, size // 8, size // 8, generator=rng)
    assert told[0] is not None
    return latents, torch.full((2,), 981.0), Conditioning(told[0], told[1], told[2])


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round, after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if number:
                times[name].append(time.perf_counter() - begun)
    return times


def told(times: Mapping[str, list[float]], errors: Mapping[str, float], share: float | None = None) -> None:
    ours = next(iter(times.values()))
    for name, taken in times.items():
        ratios = [theirs / own for theirs, own in zip(taken, ours, strict=True)]
        error = f"  {errors[name]:6.2%} from float32" if name in errors else ""
        reached = f"  {share:.0%} of the bfloat16 peak" if share is not None and taken is ours else ""
        print(f"  {name:22} {statistics.median(taken):7.2f} s  {statistics.median(ratios):5.2f} times{error}{reached}")


def picture(unet: UNet, autoencoder: Autoencoder, given: tuple[Tensor, Tensor, Conditioning]) -> Tensor:
    """As many calls as a picture takes, and its decoding; what is drawn does not matter here."""
    x, times, words = given
    for _ in range(STEPS):
        said = unet(x, times, words)
    return autoencoder.decode(said[:1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 256])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--picture", action="store_true")
    parser.add_argument("--command", help="another engine's command line")
    options = parser.parse_args()
    checkpoint = open_checkpoint(options.checkpoint)
    backends: dict[str, Backend] = {"figment": best()}
    backends |= {f"diffusers {name}": TorchBackend(CPU, dtype) for name, dtype in DTYPES.items()}
    unets = {name: one.unet(checkpoint.kind, checkpoint.parts["unet"]) for name, one in backends.items()}
    top = peak()
    print(f"figment computes by {backends['figment'].name}; bfloat16 peak {top / 1e9:.0f} GFLOP/s")
    for size in options.sizes:
        given = inputs(checkpoint, size)
        exact = unets["diffusers float32"](*given)
        errors = {name: float((unet(*given) - exact).norm() / exact.norm()) for name, unet in unets.items()}
        ways: dict[str, Callable[[], object]] = {name: partial(unet, *given) for name, unet in unets.items()}
        if options.command:
            ways["command"] = partial(subprocess.run, shlex.split(options.command), check=True, capture_output=True)
        times = in_turn(ways, options.rounds)
        share = CALL / statistics.median(times["figment"]) / top if size == 512 else None
        print(f"one guided step at {size}x{size}:")
        told(times, errors, share)
        if options.picture:
            vae = checkpoint.parts["vae"]
            whole: dict[str, Callable[[], object]] = {
                name: partial(picture, unets[name], one.autoencoder(checkpoint.kind, vae), given)
                for name, one in backends.items()
            }
            print(f"{STEPS} guided steps and the decoding at {size}x{size}:")
            told(in_turn(whole, 1), {})


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

if __name__ == "__main__":
    main()
