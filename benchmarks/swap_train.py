"""CPU seconds of a step of training a swap on one thread, beside those of other programs in the same minutes.

    python benchmarks/swap_train.py WORKSPACE --steps 8
    python benchmarks/swap_train.py WORKSPACE --rounds 3 --peer original="python hook.py original 4 8"

Ours is the whole step: faces cut, turned and bent, both sides forward and back, the optimiser, the moving average.
A peer is any command that trains some steps and whose last line is a JSON list of the CPU seconds of each, those of its
loaders too. A script of the peer's Python can do so: it replaces the method that does a step by one that notes
`time.process_time()` before and after, adds what its children spent since the step before, and starts the training.
The peer's OMP_NUM_THREADS and MKL_NUM_THREADS are 1. In every round ours and the peers take turns, so that other load
hits all alike. The first two steps of each turn are left out; prints medians of all steps and of each round, and how
many steps of each of ours fit into one of the peer's. faceswap's "original" and "lightweight" draw faces of 64 pixels,
ours 96 and a mask.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import torch

from figment.faceswap.training import Training
from figment.faceswap.training_recipes import PRESETS, SwapSettings
from figment.faceswap.workspace import Workspace
from figment.training.device import place

WARM = 2  # steps left out: they also reserve memory and choose kernels


def run_ours(workspace: Path, preset: str, steps: int) -> list[float]:
    """CPU seconds of each step of `preset`."""
    faces = Workspace(workspace)
    with tempfile.TemporaryDirectory() as folder:
        faces.model = Path(folder)
        settings = SwapSettings(preset=preset)  # type: ignore[arg-type]  # checked by the settings
        training = Training(faces, settings, PRESETS[preset], place())
        spent = []
        for _ in range(steps):
            start = time.process_time()
            training._advance()
            spent.append(time.process_time() - start)
    return spent


def run_peer(command: str) -> list[float]:
    """CPU seconds of each step that `command` says it did."""
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    said = subprocess.run(shlex.split(command), check=True, env=one_thread, stdout=subprocess.PIPE, text=True).stdout
    return [float(seconds) for seconds in json.loads(said.splitlines()[-1])]


def report(found: dict[str, list[list[float]]], peers: list[str]) -> None:
    """Print the table and the ratios of `found`, the seconds of each step of each round by name."""
    print("| | CPU-seconds a step | medians of rounds | least | steps | steps a second |\n|---|---|---|---|---|---|")
    middle = {name: [statistics.median(steps) for steps in rounds] for name, rounds in found.items()}
    for name, rounds in found.items():
        steps = [seconds for steps in rounds for seconds in steps]
        each, median = ", ".join(f"{value:.2f}" for value in middle[name]), statistics.median(steps)
        print(f"| {name} | {median:.3f} | {each} | {min(steps):.3f} | {len(steps)} | {1 / median:.2f} |")
    for peer in peers:
        for preset in PRESETS:
            ratios = [theirs / ours for theirs, ours in zip(middle[peer], middle[preset], strict=True)]
            each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{statistics.median(ratios):.2f} steps of {preset} in the time of one of {peer} (rounds: {each})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="with faces in data_src/aligned and data_dst/aligned")
    parser.add_argument("--steps", type=int, default=8, help="of ours in a round")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="may be given again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    peers = dict(peer.split("=", 1) for peer in options.peer)
    found: dict[str, list[list[float]]] = {name: [] for name in (*PRESETS, *peers)}
    for number in range(options.rounds):
        for name, rounds in found.items():
            steps = run_peer(peers[name]) if name in peers else run_ours(options.workspace, name, options.steps)
            rounds.append(steps[WARM:])
            print(f"round {number + 1}, {name}: {statistics.median(rounds[-1]):.3f}", flush=True)
    report(found, list(peers))


if __name__ == "__main__":
    main()
