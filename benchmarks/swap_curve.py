"""How like the faces become that are kept back, by CPU time, for both presets: a long comparison that may be killed.

    python benchmarks/swap_curve.py WORKSPACE --folder curve --minutes 15 30 60 120

Writes a JSON line to FOLDER/curve.jsonl at each of the minutes, and goes on from the last save when run again. CPU time
counts steps alone, on one thread; what judging and saving take is left out. The falling rate of "figment" and what it
learns in the last tenth of a run are laid out for the last of the minutes, so that its earlier lines are those of a run
that is not yet at its end. How far the swap follows, see `swap_following.py`.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from swap_ablation import step_seconds
from swap_following import followed

from figment.faceswap.model import SwapModel
from figment.faceswap.training import Training
from figment.faceswap.training_recipes import PRESETS, SwapSettings
from figment.faceswap.workspace import Workspace
from figment.training.device import place

SAVE_SECONDS = 300.0
"""CPU time between saves."""


def opened(workspace: Path, folder: Path, preset: str, iterations: int, seed: int) -> Training:
    """The training of `preset` that is kept in `folder`."""
    faces = Workspace(workspace)
    faces.model = folder / preset
    settings = SwapSettings(preset=preset, iterations=iterations, seed=seed)  # type: ignore[arg-type]  # checked there
    return Training(faces, settings, PRESETS[preset], place())


def planned(workspace: Path, folder: Path, preset: str, seconds: float, seed: int) -> int:
    """How many steps fit into `seconds` of CPU time; told once and kept, since the falling rate hangs on it."""
    noted = folder / preset / "iterations.json"
    if not noted.exists():
        steps = max(1, int(seconds / step_seconds(opened(workspace, folder, preset, 10**6, seed))))
        noted.parent.mkdir(parents=True, exist_ok=True)
        noted.write_text(json.dumps(steps))
    return int(json.loads(noted.read_text()))


def run(workspace: Path, folder: Path, preset: str, minutes: list[float], seed: int) -> None:
    """Train `preset` to the last of `minutes`, and write the lines that are lacking."""
    out = folder / "curve.jsonl"
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    left = sorted(set(minutes) - {line["minutes"] for line in lines if line["preset"] == preset})
    training = opened(workspace, folder, preset, planned(workspace, folder, preset, 60 * max(minutes), seed), seed)
    saved = training.seconds
    while left:
        start, before = time.process_time(), training.seconds
        losses = training._advance()
        training.seconds = before + time.process_time() - start  # CPU time instead of the clock's
        if training.seconds < 60 * left[0] and training.step < training.settings.iterations:
            if training.seconds - saved > SAVE_SECONDS:
                training._save()
                saved = training.seconds
            continue
        line = {
            "preset": preset,
            "minutes": left.pop(0),
            "steps": training.step,
            "ssim": round(training._judge(training._averaged()), 4),
            **followed(Workspace(workspace), SwapModel(training._averaged(), training.settings.face_type)),
            **{name: round(float(value), 4) for name, value in losses.items()},
        }
        training._save()
        saved = training.seconds
        with out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="with faces in data_src/aligned and data_dst/aligned")
    parser.add_argument("--folder", type=Path, default=Path("curve"))
    parser.add_argument("--minutes", type=float, nargs="+", default=[15, 30, 60, 120], help="of CPU time")
    parser.add_argument("--presets", nargs="+", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    for preset in options.presets:
        run(options.workspace, options.folder, preset, options.minutes, options.seed)


if __name__ == "__main__":
    main()
