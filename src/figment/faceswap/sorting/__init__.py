"""Orders of a faceset; one file each, called by its file name.

A module exports

    LABEL                        how people call it, such as "source size"
    HELP                         what comes first, in a few words
    order(faceset, target)       a Task that returns the faces in the new order; one that is missing in it is rejected

`target` is how many faces to keep; the orders that choose keep to it, the others ignore it. The measures are those of
DeepFaceLab's documentation where it names one.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from figment.core.errors import InputError
from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["REJECTED", "TARGET", "Order", "find", "labels", "sort"]

REJECTED = "rejected by the order"
"""How the reason begins for which an order drops a face."""
TARGET = 2000
"""Faces that the orders which choose keep, where nothing else is said."""


class Order(Protocol):
    """What every module of this package is that has a LABEL."""

    LABEL: str
    HELP: str

    @staticmethod
    def order(faceset: Faceset, target: int) -> Task[list[AlignedFace]]:
        """The faces of `faceset` that are in, ordered; those left out are rejected."""


@cache
def labels() -> dict[str, str]:
    """Module name of each order by its label, in the order of the labels."""
    modules = {module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)}
    return dict(sorted((module.LABEL, name) for name, module in modules.items() if hasattr(module, "LABEL")))


def find(label: str) -> Order:
    """The order called `label`, by its label or its file name. Raises InputError."""
    for known, name in labels().items():
        if label.lower().replace("-", " ").replace("_", " ") in (known, name.replace("_", " ")):
            order: Order = import_module(f"{__name__}.{name}")  # type: ignore[assignment]  # a module is one
            return order
    raise InputError(f"No order '{label}'; there are: {', '.join(labels())}.")


def sort(faceset: Faceset, label: str, target: int = TARGET) -> Task[int]:
    """Put the faces into the order called `label` and drop those that it rejects; returns how many were dropped.

    Nothing changes until the order is known. `Faceset.restore` takes the dropped in again, and the order
    "original name" brings back the order of the clip.
    """
    if target < 1:
        raise InputError(f"At least 1 face must be kept, not {target}.")
    module = find(label)
    ordered = yield from module.order(faceset, target)
    kept = {face.name for face in ordered}
    rejected = [face.name for face in faceset.faces() if face.name not in kept]
    faceset.arrange([face.name for face in ordered], rejected, f"{REJECTED} '{module.LABEL}'")
    return len(rejected)
