"""What a picture costs: `figment --help`, a picture in a warm process, the whole command, and peak memory.

    python benchmarks/create_speed.py [--runs 5]

Prints medians. CPU seconds are user plus system time of the finished process.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.studio.create import ready
from figment.studio.library import find


def command(*arguments: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB of one run of the command line."""
    start = time.perf_counter()
    child = os.posix_spawn(
        sys.executable, [sys.executable, "-m", "figment", *arguments], os.environ, file_actions=_quiet()
    )
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"figment {' '.join(arguments)} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _quiet() -> list[tuple[int, int, str, int, int]]:
    return [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]


def warm(runs: int) -> float:
    """Median wall seconds of one picture in a process that has the model loaded."""
    model = ready(find(None))
    times = []
    for seed in range(runs + 1):
        start = time.perf_counter()
        finish(model.sample(SampleRequest(prompts=("a red apple",), steps=16), torch.Generator().manual_seed(seed)))
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    helps = [command("--help") for _ in range(runs)]
    with tempfile.TemporaryDirectory() as folder:
        picture = str(Path(folder) / "apple.png")
        whole = [command("create", "a red apple", "--seed", "1", "-o", picture) for _ in range(runs)]
    print(f"figment --help          {statistics.median(cpu for _, cpu, _ in helps):6.2f} s CPU    (under 0.4)")
    print(f"one picture, warm       {warm(runs):6.2f} s wall   (under 3)")
    print(f"one picture, whole run  {statistics.median(wall for wall, _, _ in whole):6.2f} s wall   (under 10)")
    print(f"peak memory             {statistics.median(peak for _, _, peak in whole):6.0f} MB      (under 2048)")


if __name__ == "__main__":
    main()
