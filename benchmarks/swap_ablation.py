"""What each choice of the preset "figment" is worth: likeness of faces that were kept back, at equal CPU time.

    python benchmarks/swap_ablation.py WORKSPACE --seconds 120 --out ablation.jsonl

Every arm gets the same seconds of one CPU thread. First a few steps tell what a step costs, then the arm trains as many
as fit, so that what hangs on the end of the run (the falling rate, the bend) comes to its end. Writes a JSON line for
each arm, and leaves out the arms that the file has already.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from figment.faceswap.model import Shape
from figment.faceswap.training import Training
from figment.faceswap.training_recipes import PRESETS, Recipe, SwapSettings
from figment.faceswap.workspace import Workspace
from figment.training.device import place

FIGMENT = PRESETS["figment"]
ARMS: dict[str, Recipe] = {
    "figment": FIGMENT,
    "quick96": PRESETS["quick96"],
    "decoder as wide as Quick96's": replace(FIGMENT, shape=Shape()),
    "RMSprop with lr dropout, 2e-4": replace(FIGMENT, optimizer="rmsprop", rate=2e-4),
    "no moving average": replace(FIGMENT, average=0.0),
    "DSSIM at one size, mean square": replace(FIGMENT, finer=False),
    "faces as often as they come": replace(FIGMENT, even=False),
    "bent alike to the end": replace(FIGMENT, taper=0.0),
    "eyes and mouth as the rest": replace(FIGMENT, eyes=0.0),
    "fp32": replace(FIGMENT, low=False),
    "rate stays": replace(FIGMENT, schedule=False),
}
TRIED = 6
"""Steps by which the cost of a step is told."""


def measured(workspace: Path, recipe: Recipe, seconds: float, seed: int) -> dict[str, float]:
    """Train `recipe` for about `seconds` of CPU time."""
    faces = Workspace(workspace)
    with tempfile.TemporaryDirectory() as folder:
        faces.model = Path(folder)
        trial = Training(faces, SwapSettings(iterations=10**6, seed=seed), recipe, place())
        trial._advance()
        start = time.process_time()
        for _ in range(TRIED):
            trial._advance()
        each = (time.process_time() - start) / TRIED
        steps = max(1, int(seconds / each))
        training = Training(faces, SwapSettings(iterations=steps, seed=seed), recipe, place())
        start = time.process_time()
        while training.step < steps and time.process_time() - start < 1.1 * seconds:
            losses = training._advance()
        spent = time.process_time() - start
        network = training._averaged()
        likeness = training._judge(network)
    return {
        "steps": training.step, "seconds": round(spent, 1), "ssim": round(likeness, 4),
        **{name: round(float(value), 4) for name, value in losses.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="with faces in data_src/aligned and data_dst/aligned")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--out", type=Path, default=Path("ablation.jsonl"))
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    done = {json.loads(line)["arm"] for line in options.out.read_text().splitlines()} if options.out.exists() else set()
    for arm in options.arms:
        if arm not in done:
            line = json.dumps({"arm": arm, **measured(options.workspace, ARMS[arm], options.seconds, options.seed)})
            print(line, flush=True)
            with options.out.open("a") as out:
                out.write(line + "\n")


if __name__ == "__main__":
    main()
