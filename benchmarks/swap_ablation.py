"""What each choice of the preset "figment" is worth: likeness of faces that were kept back, at equal CPU time.

    python benchmarks/swap_ablation.py WORKSPACE --seconds 120 --out ablation.jsonl [--after FOLDER --iterations N]

Every arm gets the same seconds of one CPU thread. First a few steps tell what a step costs, then the arm trains as many
as fit, so that what hangs on the end of the run (the falling rate, the bend) comes to its end. Writes a JSON line for
each arm, and leaves out the arms that the file has already.

With `--after` every arm goes on from the newest state in FOLDER, a training of N steps in all, as late choices need it.
Likeness is told of the whole face, of eyes and mouth, with every direction of the face counting as much, and with the
weights themselves in the place of their moving average. How far the swap follows, see `swap_following.py`.
"""

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from swap_following import followed

from figment.faceswap.align import pose
from figment.faceswap.batches import BIN, split
from figment.faceswap.losses import likeness
from figment.faceswap.model import Shape, SwapModel, SwapNetwork
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
    "AdamW alone": replace(FIGMENT, optimizer="adamw"),
    "no moving average": replace(FIGMENT, average=0.0),
    "DSSIM at one size, mean square": replace(FIGMENT, finer=False),
    "turned as far as DeepFaceLab's": replace(FIGMENT, turned=1.0),
    "not taught to follow": replace(FIGMENT, follow=0.0),
    "bent alike to the end": replace(FIGMENT, taper=0.0),
    "fp32": replace(FIGMENT, low=False),
    "rate stays": replace(FIGMENT, schedule=False),
    "every direction as often": FIGMENT,
    "eyes and mouth weigh more": FIGMENT,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "every direction as often": {"even": True},
    "eyes and mouth weigh more": {"eyes": 100.0},
}
"""What is set in an arm beside its recipe."""
TRIED = 6
"""Steps by which the cost of a step is told."""


def measured(options: argparse.Namespace, arm: str) -> dict[str, Any]:
    """Train `arm` for about the seconds of CPU time that `options` give."""
    faces, seconds, recipe = Workspace(options.workspace), options.seconds, ARMS[arm]
    given = SwapSettings(iterations=10**6, seed=options.seed, **SETTINGS.get(arm, {}))
    with tempfile.TemporaryDirectory() as folder:
        faces.model = Path(folder)
        if options.after is None:
            steps = max(1, int(seconds / step_seconds(Training(faces, given, recipe, place()))))
            most = 1.1 * seconds
        else:
            shutil.copy(max(options.after.glob("figment-*.state")), folder)
            steps, most = options.iterations, seconds
        training = Training(faces, replace(given, iterations=steps), recipe, place())
        begun, start = training.step, time.process_time()
        while training.step < steps and time.process_time() - start < most:
            losses = training._advance()
        spent = time.process_time() - start
    return {
        "steps": training.step - begun, "seconds": round(spent, 1), **judged(faces, training, training._averaged()),
        "ssim of the weights": judged(faces, training, training.network)["ssim"],
        **followed(faces, SwapModel(training._averaged(), given.face_type)),
        **{name: round(float(value), 4) for name, value in losses.items()},
    }  # fmt: skip


def step_seconds(trial: Training) -> float:
    """CPU time of a step, a mean over the run, whose last tenth may be dearer. `trial` is of no use after it."""
    spent = 0.0
    for begun, share in ((0, 0.9), (trial.settings.iterations - 10 * TRIED, 0.1)):
        trial.step = begun
        trial._advance()
        start = time.process_time()
        for _ in range(TRIED):
            trial._advance()
        spent += share * (time.process_time() - start) / TRIED
    return spent


@torch.no_grad()
def judged(workspace: Workspace, training: Training, network: SwapNetwork) -> dict[str, float]:
    """Likeness of the faces that were kept back: of all, of eyes and mouth, and as a mean over directions."""
    found = {"ssim": list[float](), "eyes and mouth": list[float](), "directions": list[float]()}
    for side, kept in zip((workspace.src, workspace.dst), training.kept, strict=True):
        drawn = network(kept.face, side.name)[0].float()
        whole = likeness(drawn, kept.face, kept.mask)
        found["ssim"].append(float(whole.mean()))
        found["eyes and mouth"].append(float(likeness(drawn, kept.face, kept.parts).mean()))
        places = [tuple(np.floor(np.array(pose(face.landmarks)[:2]) / BIN)) for face in split(side.faceset)[1]]
        means = [whole[[one == place for one in places]].mean() for place in set(places)]
        found["directions"].append(float(torch.stack(means).mean()))
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="with faces in data_src/aligned and data_dst/aligned")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--out", type=Path, default=Path("ablation.jsonl"))
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=Path, metavar="FOLDER", help="where a training was saved to go on from")
    parser.add_argument("--iterations", type=int, help="of that training in all")
    options = parser.parse_args()
    if (options.after is None) != (options.iterations is None):
        parser.error("--after and --iterations go together.")
    torch.set_num_threads(1)
    done = {json.loads(line)["arm"] for line in options.out.read_text().splitlines()} if options.out.exists() else set()
    for arm in options.arms:
        if arm not in done:
            line = json.dumps({"arm": arm, **measured(options, arm)})
            print(line, flush=True)
            with options.out.open("a") as out:
                out.write(line + "\n")


if __name__ == "__main__":
    main()
