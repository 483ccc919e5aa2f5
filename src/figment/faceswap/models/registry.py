"""Models by name: a module that stands in a package is listed by it."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from figment.core.errors import InputError

__all__ = ["find", "labels"]


@cache
def labels(package: str) -> dict[str, str]:
    """Module name of each model of `package` by its label, in the order of the labels."""
    places = import_module(package).__path__
    modules = {module.name: import_module(f"{package}.{module.name}") for module in iter_modules(places)}
    return dict(sorted((module.LABEL, name) for name, module in modules.items()))


def find(package: str, label: str) -> ModuleType:
    """The model of `package` called `label`, whatever the case of its letters. Raises InputError."""
    for known, name in labels(package).items():
        if label.lower() in (known.lower(), name):
            return import_module(f"{package}.{name}")
    kind = package.rpartition(".")[2].removesuffix("s")
    raise InputError(f"No {kind} '{label}'; there are: {', '.join(labels(package))}.")
