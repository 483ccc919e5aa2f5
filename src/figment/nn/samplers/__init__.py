"""Samplers: ways from noise to a picture, all of one signature; one file each, called by its file name.

All of them walk x = x_0 + sigma * noise from the first of `sigmas` to the last (the variance-exploding form of Karras
et al. 2022, to which every other form is brought by scaling x). A module exports

    LABEL                                    how AUTOMATIC1111 calls it, such as "DPM++ 2M"
    sample(denoise, x, sigmas, noise)        a `Path`

A denoiser that guides may tell its last estimate without the prompt as `unconditional`, which DDIM CFG++ steps by.

A `Path` is a generator: it yields a `Step` after each step and goes on with the x that is sent back, which is how
inpainting holds what is known. It returns the last x.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from torch import Tensor

from figment.core.errors import InputError

__all__ = ["Denoise", "Noise", "Path", "Sampler", "Step", "find", "labels"]

Denoise = Callable[[Tensor, float], Tensor]
"""The estimate of x_0 for x at a sigma, of the shape of x."""
Noise = Callable[[float, float], Tensor]
"""Unit normal noise of the shape of x for the step from one sigma to the next; asked for by stochastic samplers."""


@dataclass(frozen=True, eq=False)
class Step:
    """Where a path is."""

    number: int
    """Steps done, from 1."""
    x: Tensor
    """The noisy picture after the step."""
    guess: Tensor
    """The estimate of x_0 that the step began with."""


Path = Generator[Step, Tensor, Tensor]


class Sampler(Protocol):
    """What every module of this package is."""

    LABEL: str

    @staticmethod
    def sample(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Path:
        """Walk from `x` at sigmas[0] to sigmas[-1]; all but the last must be above 0."""


@cache
def labels() -> dict[str, str]:
    """Module name of each sampler by its label, in the order of the labels."""
    modules = {module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)}
    return dict(sorted((module.LABEL, name) for name, module in modules.items() if hasattr(module, "LABEL")))


def find(label: str) -> Sampler:
    """The sampler called `label`, whatever the case of its letters. Raises InputError."""
    for known, name in labels().items():
        if label.lower() in (known.lower(), name):
            sampler: Sampler = import_module(f"{__name__}.{name}")  # type: ignore[assignment]  # a module is one
            return sampler
    raise InputError(f"No sampler '{label}'; there are: {', '.join(labels())}.")
