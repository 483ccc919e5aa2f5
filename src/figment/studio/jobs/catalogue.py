"""What the networks' code knows and the server wants to show, written down by a worker, which has it loaded."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figment.core.files import write_bytes
from figment.studio.jobs.places import state_of

__all__ = ["EMPTY", "read_catalogue", "write_catalogue"]

EMPTY: dict[str, Any] = {
    "samplers": [],
    "schedules": [],
    "curves": {},
    "upscalers": [],
    "families": [],
    "datasets": [],
    "own": [],
    "shelf": [],
}

SHOWN_STEPS = 20
"""Steps of the schedules' noise levels that are written down to be shown."""


def read_catalogue(root: Path) -> dict[str, Any]:
    """The catalogue of the studio in `root`; `EMPTY` before there is one."""
    try:
        found: dict[str, Any] = json.loads((state_of(root) / "catalogue.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return EMPTY
    return EMPTY | found


def write_catalogue(root: Path) -> None:
    """Write it anew: samplers, schedules, upscalers, families with their stages, and what lies in the folders."""
    from figment import families
    from figment.core.checkpoint import read_metadata
    from figment.data.datasets import DATASETS
    from figment.diffusion.kinds import Base
    from figment.diffusion.schedules import SCHEDULES, model_sigmas
    from figment.diffusion.upscalers import LATENT, RESAMPLED
    from figment.nn.samplers import labels
    from figment.studio.library import entries
    from figment.studio.shelf import shelf

    found = {
        "samplers": list(labels()),
        "schedules": list(SCHEDULES),
        "curves": {name: find(SHOWN_STEPS, model_sigmas(), Base.SD1) for name, find in SCHEDULES.items()},
        "upscalers": [*LATENT, *RESAMPLED],
        "families": [
            {
                "name": name,
                "about": families.about(name),
                "about_ko": families.about(name, "ko"),
                "stages": list(families.stages(name)),
                "presets": list(families.presets(name)),
            }
            for name in families.names()
        ],
        "datasets": list(DATASETS),
        "own": [{"path": str(entry.path), "family": read_metadata(entry.path).family} for entry in entries(root)],
        "shelf": [{**asdict(item), "path": str(item.path)} for item in shelf(root)],
    }
    text = json.dumps(found, ensure_ascii=False, default=str)
    write_bytes(state_of(root) / "catalogue.json", text.encode())
