"""How a sampler walks a Stable Diffusion model in AUTOMATIC1111: which levels, which noise, from where in a picture.

Most of its samplers are k-diffusion's and walk x_0 + sigma * noise. DDIM, PLMS and UniPC walk whole training times of
the variance-preserving form; brought to the other form they keep their times, and end at the first time, not at 0.
"""

from dataclasses import dataclass, field
from math import exp, sqrt

import numpy as np
from torch import Tensor

from figment.core.errors import InputError
from figment.diffusion import schedules
from figment.diffusion.kinds import Base
from figment.diffusion.schedules import AUTOMATIC, SCHEDULES
from figment.nn import samplers

__all__ = ["Method", "Walk", "chosen", "methods", "redone", "walk"]


@dataclass(frozen=True)
class Method:
    """One sampler as AUTOMATIC1111 sets it up."""

    label: str
    schedule: str = AUTOMATIC
    """What "Automatic" means for it; `AUTOMATIC` is even steps in time."""
    aliases: tuple[str, ...] = ()
    whole_times: bool = False
    """Whether it walks whole training times, with a schedule of its own."""
    drops_one: bool = False
    """Whether the last level but one is passed over."""
    brownian: bool = False
    """Whether its noise is a Brownian path's."""
    evaluations: int = 1
    """Network calls of a step."""
    guidance: float = 1.0
    """What the guidance scale is multiplied by."""
    asks_without: bool = False
    """Whether it steps by what the network says without the prompt, whatever the scale."""


_METHODS = (
    Method("DPM++ 2M", "Karras", ("k_dpmpp_2m",)),
    Method("DPM++ SDE", "Karras", ("k_dpmpp_sde",), brownian=True, evaluations=2),
    Method("DPM++ 2M SDE", "Exponential", ("k_dpmpp_2m_sde",), brownian=True),
    Method("DPM++ 2M SDE Heun", "Exponential", ("k_dpmpp_2m_sde_heun",), brownian=True),
    Method("DPM++ 2S a", "Karras", ("k_dpmpp_2s_a",), evaluations=2),
    Method("DPM++ 3M SDE", "Exponential", ("k_dpmpp_3m_sde",), drops_one=True, brownian=True),
    Method("Euler a", AUTOMATIC, ("k_euler_a", "k_euler_ancestral")),
    Method("Euler", AUTOMATIC, ("k_euler",)),
    Method("LMS", AUTOMATIC, ("k_lms",)),
    Method("Heun", AUTOMATIC, ("k_heun",), evaluations=2),
    Method("DPM2", "Karras", ("k_dpm_2",), drops_one=True, evaluations=2),
    Method("DPM2 a", "Karras", ("k_dpm_2_a",), drops_one=True, evaluations=2),
    Method("Restart", "Karras", ("restart",), evaluations=2),
    Method("DDIM", aliases=("ddim",), whole_times=True),
    Method("DDIM CFG++", aliases=("ddim_cfgpp",), whole_times=True, guidance=1 / 12.5, asks_without=True),
    Method("PLMS", aliases=("plms",), whole_times=True),
    Method("UniPC", aliases=("unipc",), whole_times=True),
    Method("LCM", AUTOMATIC, ("k_lcm",)),
)
"""In the order of AUTOMATIC1111."""


@dataclass(frozen=True)
class Walk:
    """The way that one picture takes from noise."""

    method: Method
    schedule: str
    """Label of the schedule; empty for samplers that have their own."""
    sigmas: tuple[float, ...] = field(repr=False)
    """Falling levels."""
    entry: float = 0.0
    """The level to which a start picture is noised: the first, but one higher for samplers of whole times."""

    def begin(self, noise: Tensor, start: Tensor | None) -> Tensor:
        """x at the first level, from unit `noise` and, if any, the latents of a picture to start from."""
        first = self.sigmas[0]
        if not self.method.whole_times:
            return first * noise if start is None else start + first * noise
        # They hold x * sqrt(a), take unit noise for the last time, and a noised picture for the time before its own.
        if start is None:
            return noise * sqrt(1 + first**2)
        return (start + self.entry * noise) * sqrt((1 + first**2) / (1 + self.entry**2))

    def end(self, x: Tensor) -> Tensor:
        """Latents of the last x: where the last level is not 0, the form decides how much of them is noise."""
        return x / sqrt(1 + self.sigmas[-1] ** 2) if self.method.whole_times else x


def methods() -> dict[str, Method]:
    """Every sampler by its label."""
    there = samplers.labels()
    return {method.label: method for method in _METHODS if method.label in there}


def chosen(sampler: str, schedule: str = "") -> tuple[Method, str]:
    """Sampler and label of the schedule that two names mean: also "DPM++ 2M Karras", "k_euler_a". Raises InputError."""
    known = methods()
    wanted = sampler.strip().lower()
    for label in sorted(known, key=len, reverse=True):
        names = (label.lower(), *known[label].aliases)
        if wanted in names:
            return known[label], schedules.find(schedule)[0]
        for ending in SCHEDULES:
            if any(wanted == f"{name} {ending.lower()}" for name in names) or f"{label}_ka".lower() == wanted:
                asked = schedules.find(schedule)[0]
                return known[label], ending if asked == AUTOMATIC else asked
    raise InputError(f"No sampler '{sampler}'; there are: {', '.join(known)}.")


def walk(method: Method, schedule: str, steps: int, sigmas: Tensor, base: Base, *, enters: int | None = None) -> Walk:
    """The walk of `steps` steps over a model with `sigmas` (T,), rising.

    A start picture is entered with `enters` + 1 of the steps left; `redone` says how many those are. Raises InputError
    for steps outside 1 to T.
    """
    if not 1 <= steps <= len(sigmas):
        raise InputError(f"A picture takes 1 to {len(sigmas)} steps, not {steps}.")
    if method.whole_times:
        return _of_whole_times(method, steps, sigmas, enters)
    named = method.schedule if schedule == AUTOMATIC else schedule
    make = schedules.uniform if named == AUTOMATIC else SCHEDULES[named]
    levels = make(steps + method.drops_one, sigmas, base)
    if method.drops_one:
        del levels[-2]
    if enters is not None:
        levels = levels[steps - enters - 1 :]
    return Walk(method, named, tuple(levels), levels[0])


def redone(steps: int, strength: float) -> int:
    """Where `walk` enters a start picture of which a share `strength` is redone, as AUTOMATIC1111 counts."""
    return int(min(strength, 0.999) * steps)


def _of_whole_times(method: Method, steps: int, sigmas: Tensor, enters: int | None) -> Walk:
    times = [min(time + 1, len(sigmas) - 1) for time in range(0, len(sigmas), len(sigmas) // steps)]
    visited = times if enters is None else times[:enters]
    entry = float(sigmas[times[min(len(visited), len(times) - 1)]])
    if method.label == "UniPC":
        last = len(sigmas) if enters is None else visited[-1] + 1 if visited else 2
        return Walk(method, "", _even_times(last, len(visited), sigmas), entry)
    levels = [float(sigmas[time]) for time in reversed(visited)] or [entry]
    return Walk(method, "", tuple(levels), entry)


def _even_times(last: int, steps: int, sigmas: Tensor) -> tuple[float, ...]:
    """Even steps from time `last` of 1 to T down to 1, between which log a_t is a line (UniPC's noise schedule)."""
    logs = np.log1p(sigmas.numpy().astype(np.float64) ** 2)
    found = np.interp(np.linspace(last, 1, steps + 1), np.arange(1, len(sigmas) + 1), logs)
    return tuple(sqrt(exp(one) - 1) for one in found)
