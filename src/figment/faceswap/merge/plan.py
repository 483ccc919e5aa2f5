"""A settings file: how all frames are merged, and stretches of frames that are merged otherwise.

    colour = "mkl"
    erode = 20

    [[frames]]
    first = 120
    last = 180
    blur = 60

TOML, or JSON with the same names. Frames count from 0 and `last` is one of them; what a stretch does not name is as for
all frames, and a later stretch stands over an earlier one.
"""

import json
import tomllib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from figment.core.config import Field, config, from_dict, to_dict
from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.faceswap.merge.settings import MergeSettings

__all__ = ["read_plan", "write_plan"]


@config
class Stretch:
    """Frames that are merged alike."""

    first: Annotated[int, Field(ge=0)]
    """Number of the first, from 0."""
    last: Annotated[int, Field(ge=0)]
    """Number of the last."""


def read_plan(path: Path, frames: int) -> tuple[MergeSettings, ...]:
    """Settings of each of `frames` frames from the file at `path`. Raises InputError for one that cannot be used."""
    values = _parsed(path)
    stretches = values.pop("frames", [])
    if not isinstance(stretches, list) or not all(isinstance(stretch, dict) for stretch in stretches):
        raise InputError(f"{path}: frames must be tables, each headed [[frames]].")
    try:
        settings = [from_dict(MergeSettings, values)] * frames
        for stretch in stretches:
            ends = from_dict(Stretch, {name: stretch.pop(name) for name in ("first", "last") if name in stretch})
            changed = from_dict(MergeSettings, values | stretch)
            _check_within(ends, frames)
            settings[ends.first : ends.last + 1] = [changed] * (ends.last + 1 - ends.first)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return tuple(settings)


def write_plan(path: Path, settings: Sequence[MergeSettings]) -> None:
    """Write the `settings` of a clip's frames to `path`, as TOML or, where it ends in .json, JSON."""
    start = to_dict(settings[0])
    stretches: list[dict[str, Any]] = []
    first = 0
    for one, group in groupby(settings):
        last = first + len(list(group)) - 1
        changes = {name: value for name, value in to_dict(one).items() if value != start[name]}
        if changes:
            stretches.append({"first": first, "last": last, **changes})
        first = last + 1
    text = _json(start, stretches) if path.suffix.lower() == ".json" else _toml(start, stretches)
    write_bytes(path, text.encode())


def _parsed(path: Path) -> dict[str, Any]:
    """What the file at `path` says."""
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"Cannot read the settings {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a file of settings: {error}.") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is not a file of settings: it must hold names and values.")
    return values


def _check_within(stretch: Stretch, frames: int) -> None:
    if not stretch.first <= stretch.last < frames:
        raise InputError(
            f"Frames {stretch.first} to {stretch.last} are none of the clip's, which go from 0 to {frames - 1}."
        )


def _json(start: dict[str, Any], stretches: list[dict[str, Any]]) -> str:
    return json.dumps({**start, "frames": stretches}, indent=2) + "\n"


def _toml(start: dict[str, Any], stretches: list[dict[str, Any]]) -> str:
    """JSON's words for text, whole numbers, true and false are TOML's too."""
    tables = [start, *stretches]
    texts = ["".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items()) for table in tables]
    return "\n[[frames]]\n".join(texts)
