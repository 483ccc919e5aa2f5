"""Samplers beside the schedulers of diffusers: the same levels, the same denoiser, the same picture."""

from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from tests.nn.test_samplers import no_noise, walked
from torch import Tensor

from figment.diffusion.kinds import Base
from figment.diffusion.schedules import SCHEDULES, model_sigmas
from figment.nn.noise import time_of
from figment.nn.samplers import find

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # diffusers, of numpy 2
STEPS = 12
SIGMAS = model_sigmas()
LEVELS = SCHEDULES["Karras"](STEPS, SIGMAS, Base.SD1)
BETAS: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
DATA = torch.tensor([0.5, -0.3, 0.9, 0.1], dtype=torch.float64)[None, :, None, None]


def estimate(x: Tensor, sigma: float) -> Tensor:
    """E[x_0 | x] for two far points, which is not linear in x."""
    near = torch.sigmoid((x * DATA).sum(dim=1, keepdim=True) * 2 / sigma**2)
    return DATA * (2 * near - 1)


def theirs(scheduler: Any, x: Tensor, levels: list[float]) -> Tensor:
    """Their walk over our levels, with the noise predicted as our estimate implies it."""
    times = np.array([time_of(level, SIGMAS) for level in levels[:-1]])
    scheduler.timesteps = torch.from_numpy(times)
    scheduler.sigmas = torch.tensor(levels, dtype=torch.float64)
    for time, level in zip(scheduler.timesteps, levels[:-1], strict=True):
        scaled = scheduler.scale_model_input(x, time)
        noise = (x - estimate(x, level)) / level
        x = scheduler.step(noise, time, x).prev_sample
        assert scaled.shape == x.shape
    return x


@pytest.fixture
def start() -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return LEVELS[0] * torch.randn(2, 4, 3, 3, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize(("label", "scheduler"), [("Euler", "EulerDiscreteScheduler"), ("LMS", "LMSDiscreteScheduler")])
def test_walks_over_sigmas_are_theirs(label: str, scheduler: str, start: Tensor) -> None:
    made = getattr(diffusers, scheduler)(**BETAS)
    made.set_timesteps(STEPS)
    expected = theirs(made, start, LEVELS)
    found = walked(find(label).sample(estimate, start, LEVELS, no_noise))
    assert float((found - expected).abs().max()) < 1e-4


def test_multistep_dpm_solver_is_theirs(start: Tensor) -> None:
    """They walk x * alpha; the last step is of first order in both."""
    made = diffusers.DPMSolverMultistepScheduler(
        **BETAS, algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="zero", use_karras_sigmas=True
    )
    made.set_timesteps(STEPS)
    made.sigmas = torch.tensor(LEVELS, dtype=torch.float64)
    x = start / (1 + LEVELS[0] ** 2) ** 0.5
    for time, level in zip(made.timesteps, LEVELS[:-1], strict=True):
        wide = x * (1 + level**2) ** 0.5
        x = made.step((wide - estimate(wide, level)) / level, time, x).prev_sample
    found = walked(find("DPM++ 2M").sample(estimate, start, LEVELS, no_noise))
    assert float((found - x).abs().max()) < 1e-4


def test_ddim_is_theirs() -> None:
    made = diffusers.DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    made.set_timesteps(STEPS)
    times = [int(time) for time in made.timesteps]
    levels = [*(float(SIGMAS[time]) for time in times), float(SIGMAS[0])]
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 3, 3, generator=rng, dtype=torch.float64)
    wide = x * (1 + levels[0] ** 2) ** 0.5
    for time, level in zip(times, levels, strict=False):
        guess = estimate(x * (1 + level**2) ** 0.5, level)
        noise = (x * (1 + level**2) ** 0.5 - guess) / level
        x = made.step(noise, time, x).prev_sample
    found = walked(find("DDIM").sample(estimate, wide, levels, no_noise)) / (1 + levels[-1] ** 2) ** 0.5
    assert float((found - x).abs().max()) < 1e-4
