"""Schedules of noise: which of a model's levels a sampler visits, under the names that AUTOMATIC1111 gives them.

Every schedule is a function of one signature, (steps, sigmas, base) -> levels, where `sigmas` (T,) rise over the
training times of the model. There are steps + 1 levels, the last of them 0; "KL Optimal" ends at the least sigma.
"""

from collections.abc import Callable, Mapping
from math import atan, log, tan

import numpy as np
import torch
from scipy.stats import beta as beta_distribution
from torch import Tensor

from figment.core.errors import InputError
from figment.diffusion.kinds import Base
from figment.nn import noise
from figment.nn.noise import sigma_at, sigma_of

__all__ = ["AUTOMATIC", "SCHEDULES", "Schedule", "find", "model_sigmas"]

Schedule = Callable[[int, Tensor, Base], list[float]]
AUTOMATIC = "Automatic"
"""The schedule that a sampler brings itself."""
SHAPE = 0.6
"""Of the beta distribution (Lee et al. 2024, section 4)."""
ALIGNED = {
    "SD": (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029),
    "SDXL": (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029),
}
"""Levels found by optimisation (Sabour et al. 2024, table of the project's page)."""


def model_sigmas(times: int = 1000) -> Tensor:
    """Sigmas (T,), float64, of Stable Diffusion: betas whose roots rise in a line from 0.00085 to 0.012."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, times, dtype=torch.float64).square()
    return sigma_of((1 - betas).cumprod(dim=0))


def uniform(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Even steps in time, from the last one to the first."""
    return _at_times(torch.linspace(len(sigmas) - 1, 0, steps), sigmas)


def sgm_uniform(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Even steps in time that leave the first time out (Stability's generative-models)."""
    return _at_times(torch.linspace(len(sigmas) - 1, 0, steps + 1)[:-1], sigmas)


def karras(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Even steps in sigma^(1/7) (Karras et al. 2022, eq. 5)."""
    return [*noise.karras(steps, *_ends(sigmas)), 0.0]


def exponential(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Even steps in log sigma."""
    low, high = _ends(sigmas)
    return [*np.exp(np.linspace(log(high), log(low), steps)).tolist(), 0.0]


def polyexponential(steps: int, sigmas: Tensor, base: Base, rho: float = 1.0) -> list[float]:
    """Steps in log sigma that follow a power; at rho 1 they are even."""
    low, high = _ends(sigmas)
    ramp = np.linspace(1, 0, steps) ** rho
    return [*np.exp(ramp * (log(high) - log(low)) + log(low)).tolist(), 0.0]


def kl_optimal(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Even steps in the arc tangent of sigma (Sabour et al. 2024, theorem 3.1)."""
    low, high = (atan(end) for end in _ends(sigmas))
    return [tan(step / steps * low + (1 - step / steps) * high) for step in range(steps + 1)]


def align_your_steps(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Levels optimised for the model, between which the logarithm is interpolated (Sabour et al. 2024)."""
    known = np.log(ALIGNED["SDXL" if base in (Base.SDXL, Base.SDXL_REFINER) else "SD"])
    places = np.linspace(0, 1, steps) if steps > 1 else np.zeros(1)
    return [*np.exp(np.interp(places, np.linspace(0, 1, len(known)), known)).tolist(), 0.0]


def simple(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Levels of whole times, counted down from the last one."""
    times = [-(1 + int(step * len(sigmas) / steps)) for step in range(steps)]
    return [*(float(sigmas[time]) for time in times), 0.0]


def normal(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Even steps in time between the times of the largest and of the least sigma."""
    return uniform(steps, sigmas, base)


def ddim(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Levels of every n-th time, counted up from time 1; their number may differ from `steps` by some."""
    return [*(float(sigma) for sigma in reversed(sigmas[1 :: max(len(sigmas) // steps, 1)].tolist())), 0.0]


def beta(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """Levels that crowd at both ends, as the quantiles of a beta distribution do (Lee et al. 2024)."""
    low, high = _ends(sigmas)
    places = beta_distribution.ppf(1 - np.linspace(0, 1, steps), SHAPE, SHAPE)
    return [*(low + places * (high - low)).tolist(), 0.0]


def turbo(steps: int, sigmas: Tensor, base: Base) -> list[float]:
    """The times at which SD-Turbo and its kin were distilled: the ends of equal parts (Sauer et al. 2023)."""
    times = [round(part * len(sigmas) / steps) - 1 for part in range(steps, 0, -1)]
    return [*(float(sigmas[max(time, 0)]) for time in times), 0.0]


SCHEDULES: Mapping[str, Schedule] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
    "Polyexponential": polyexponential,
    "SGM Uniform": sgm_uniform,
    "KL Optimal": kl_optimal,
    "Align Your Steps": align_your_steps,
    "Simple": simple,
    "Normal": normal,
    "DDIM": ddim,
    "Beta": beta,
    "Turbo": turbo,
}
"""By label, in the order of AUTOMATIC1111."""


def find(label: str) -> tuple[str, Schedule | None]:
    """The schedule called `label`, whatever its case, and its label; None for "Automatic". Raises InputError."""
    wanted = _plain(label)
    if wanted in ("", _plain(AUTOMATIC)):
        return AUTOMATIC, None
    for known, schedule in SCHEDULES.items():
        if wanted == _plain(known):
            return known, schedule
    raise InputError(f"No schedule '{label}'; there are: {AUTOMATIC}, {', '.join(SCHEDULES)}.")


def _plain(label: str) -> str:
    return label.lower().replace("_", "").replace(" ", "")


def _ends(sigmas: Tensor) -> tuple[float, float]:
    return float(sigmas[0]), float(sigmas[-1])


def _at_times(times: Tensor, sigmas: Tensor) -> list[float]:
    return [*(sigma_at(float(time), sigmas) for time in times), 0.0]
