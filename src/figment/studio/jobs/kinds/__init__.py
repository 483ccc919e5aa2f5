"""Kinds of jobs. Each file here is one, called by its name; there is no list.

A kind exports `Parameters`, a configuration; `QUICK`, whether it takes seconds and needs no device; `cost(parameters)`,
the expected work in seconds of a slow computer; `prepared(parameters, places)`, the same parameters with what was left
to chance decided, which raises InputError for names that this user may not use; and `run(parameters, context)`, a task
that returns a `Made`. It may export `company(parameters, places)`, the name of what several such jobs can use at the
same time, each in a thread of one worker, or None. A kind imports nothing heavy before that: the server reads it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from figment.core.config import from_dict, to_dict
from figment.core.errors import InputError
from figment.studio.jobs.places import Places

__all__ = ["Context", "Made", "company", "cost", "kind", "names", "prepared"]


@dataclass(frozen=True)
class Context:
    """What a running job has around it."""

    id: str
    places: Places
    staged: Path
    """Root of a gallery; what is written there is moved into the user's when the job is done."""


@dataclass(frozen=True)
class Made:
    """What a job made."""

    files: tuple[Path, ...] = ()
    """Pictures in the staged gallery."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain values for the result."""


def names(*, quick: bool | None = None) -> tuple[str, ...]:
    """All kinds, or those that are `quick`, or not."""
    return tuple(name for name in _files() if quick is None or kind(name).QUICK is quick)


def kind(name: str) -> ModuleType:
    """The kind called `name`. Raises InputError for none."""
    if name not in _files():
        raise InputError(f"There is no kind of job {name[:40]!a}; there are: {', '.join(_files())}.")
    return import_module(f"{__name__}.{name}")


def prepared(name: str, values: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """`values` as parameters of the kind `name`, checked and complete. Raises InputError."""
    module = kind(name)
    return to_dict(module.prepared(from_dict(module.Parameters, values), places))


def cost(name: str, values: Mapping[str, Any]) -> float:
    """The expected work of a job with prepared `values`."""
    module = kind(name)
    return float(module.cost(from_dict(module.Parameters, values)))


def company(name: str, values: Mapping[str, Any], places: Places) -> str | None:
    """What a job with prepared `values` can use together with others of the same answer; None for a job alone."""
    module = kind(name)
    if not hasattr(module, "company"):
        return None
    found: str | None = module.company(from_dict(module.Parameters, values), places)
    return found


@cache
def _files() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in iter_modules(__path__)))
