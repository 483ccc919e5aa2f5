"""Steps of training a swap for each second of one CPU thread, beside those of another program.

    python benchmarks/swap_train.py WORKSPACE --steps 8
    python benchmarks/swap_train.py WORKSPACE --peer "python fs_hook.py original 4 8 rec.json" --peer-steps 8

Ours is the whole step: faces cut, turned and bent, both sides forward and back, the optimiser, the moving average.
The peer is any command that trains so many steps and ends; its CPU time, with all its processes, is taken for that of
its steps, so give it enough of them that its start does not weigh, or take off that of --peer-start, a command that
ends without a step. Its OMP_NUM_THREADS is 1. Prints medians, and how many steps ours does in the time of one of the
peer's. faceswap's "original" and "lightweight" draw faces of 64 pixels, ours 96 and a mask.
"""

import argparse
import os
import resource
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


def ours(workspace: Path, preset: str, steps: int) -> float:
    """Median CPU seconds of a step of `preset`, the first left out."""
    faces = Workspace(workspace)
    with tempfile.TemporaryDirectory() as folder:
        faces.model = Path(folder)
        settings = SwapSettings(preset=preset)  # type: ignore[arg-type]  # checked by the settings
        training = Training(faces, settings, PRESETS[preset], place())
        spent = []
        for _ in range(steps + 1):
            start = time.process_time()
            training._advance()
            spent.append(time.process_time() - start)
    return statistics.median(spent[1:])


def spent(command: str) -> float:
    """CPU seconds of `command` and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(shlex.split(command), check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="with faces in data_src/aligned and data_dst/aligned")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--peer", help="command that trains --peer-steps steps and ends")
    parser.add_argument("--peer-steps", type=int, default=8)
    parser.add_argument("--peer-start", help="command that does all but the steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {preset: ours(options.workspace, preset, options.steps) for preset in PRESETS}
    for preset, seconds in found.items():
        print(f"{preset}: {seconds:.3f} CPU-seconds a step, {1 / seconds:.2f} steps a second")
    if options.peer:
        start = spent(options.peer_start) if options.peer_start else 0.0
        peer = (spent(options.peer) - start) / options.peer_steps
        print(f"peer: {peer:.3f} CPU-seconds a step, {1 / peer:.2f} steps a second")
        print(f"ratio: {peer / found['figment']:.2f} steps of figment in the time of one of the peer")


if __name__ == "__main__":
    main()
