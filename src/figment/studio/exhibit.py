"""What there is to look at of one model: samples, the way between two, its curves, and how its pictures came to be."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment import families
from figment.core.model import GenerativeModel, Interpolates
from figment.core.task import Task
from figment.pixels.arrays import from_signed
from figment.pixels.curve import line_chart
from figment.pixels.files import load
from figment.pixels.grids import grid
from figment.studio.factors import ACROSS as STEPS_ACROSS
from figment.studio.factors import has_numbers, traversed
from figment.studio.library import Entry
from figment.training.journal import read_log

__all__ = ["Exhibit", "exhibit", "seconds_trained"]

Picture = NDArray[np.uint8]

ACROSS = 10
"""Pictures in a row."""
PADDING = 2
"""Pixels around the pictures of a sheet."""
PAUSE = 300
"""Seconds without a line in a run's log after which it was not at work."""


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Figures of one model, each uint8 (H, W, 3); None where there is nothing of the kind."""

    name: str
    family: str
    about: str
    """Its loss, its weakness and the remedy, as the family says them."""
    samples: Picture
    path: Picture | None
    """From one picture to another."""
    numbers: Picture | None
    """Each number of the code alone from low to high, a row each."""
    curve: Picture | None
    """Losses of its last stage."""
    history: Picture | None
    """What it made of the same noise at ever later steps, the earliest on top."""
    steps: tuple[int, ...]
    """The steps of `history`."""


def exhibit(
    entry: Entry, family: str, model: GenerativeModel[Any], samples: Tensor, real: Tensor, seed: int
) -> Task[Exhibit]:
    """Collect the exhibit of `model`, which made `samples`, from it, `real` pictures and the folder of its run."""
    path = None
    if isinstance(model, Interpolates):
        path = _strip((yield from model.path(ACROSS, torch.Generator().manual_seed(seed))), 1)
    numbers, device = None, model.device
    if has_numbers(model, real[0]):
        pictures = traversed(model, real.to(device))
        numbers = _strip(pictures, len(pictures) // STEPS_ACROSS)
    folder = entry.path.parent
    history, steps = _history(folder, model.image_shape[1])
    made = _strip(samples[: 3 * ACROSS], 3)
    return Exhibit(entry.name, family, _about(family), made, path, numbers, _curve(folder), history, steps)


def seconds_trained(folder: Path) -> float | None:
    """Time that a run was at work, by the lines of its log; None when there is none."""
    times = [float(line["time"]) for line in read_log(folder)]
    gaps = (after - before for before, after in pairwise(times))
    return sum(gap for gap in gaps if 0 <= gap <= PAUSE) if times else None


def _strip(pictures: Tensor, rows: int) -> Picture:
    shown = [from_signed(picture.float().cpu().numpy()) for picture in pictures]
    sheet = grid(shown, columns=-(-len(shown) // rows))
    return sheet if sheet.shape[2] == 3 else np.repeat(sheet[..., :1], 3, axis=2)


def _about(family: str) -> str:
    """The paragraph of the family's text that tells its loss and its weakness."""
    paragraphs = re.split(r"\n\s*\n", families.about(family))
    return " ".join(next(part for part in paragraphs if "Known weakness" in part).split())


def _curve(folder: Path) -> Picture | None:
    lines = read_log(folder)
    if not lines:
        return None
    stage = lines[-1]["stage"]
    series: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        for name, value in line.items():
            if line["stage"] == stage and name.endswith(" loss"):
                series.setdefault(name, []).append((line["step"], value))
    return line_chart(series, width=560, height=300, title=str(stage)) if series else None


def _history(folder: Path, side: int) -> tuple[Picture | None, tuple[int, ...]]:
    """Sheets of the last stage, each cut down to its last row, one below the other."""
    lines = read_log(folder)
    stage = re.escape(str(lines[-1]["stage"])) if lines else ""
    sheets = {
        int(match[1]): path
        for path in (folder / "history").glob("*.png")
        if (match := re.fullmatch(rf"{stage}-(\d{{7}})\.png", path.name))
    }
    steps = tuple(sorted(sheets))
    pictures = [load(sheets[step])[-(side + 2 * PADDING) :] for step in steps]
    if not pictures or len({picture.shape for picture in pictures}) > 1:
        return None, ()
    return np.concatenate(pictures), steps
