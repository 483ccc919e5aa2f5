"""Samplers beside the schedulers of diffusers: the same levels, the same network, the same noise, the same picture."""

from collections.abc import Callable, Sequence
from inspect import signature
from itertools import combinations, pairwise
from typing import Any

import diffusers
import pytest
import torch
from tests.nn.test_samplers import noise_like, walked
from torch import Tensor

from figment.diffusion.schedules import model_sigmas
from figment.nn.samplers import find, labels
from figment.nn.samplers.ddim import sample as ddim
from figment.nn.samplers.dpmpp_2s_ancestral import sample as dpmpp_2s_ancestral
from figment.nn.samplers.dpmpp_3m_sde import sample as dpmpp_3m_sde
from figment.nn.samplers.dpmpp_sde import sample as dpmpp_sde

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # diffusers, of numpy 2
STEPS, CLOSE = 12, 1e-5
BETAS: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
KARRAS: dict[str, Any] = {**BETAS, "use_karras_sigmas": True}
WHOLE_TIMES: dict[str, Any] = {**BETAS, "steps_offset": 1, "set_alpha_to_one": False}
ZERO: dict[str, Any] = {**KARRAS, "final_sigmas_type": "zero"}
BH1: dict[str, Any] = {"solver_order": 3, "solver_type": "bh1", "final_sigmas_type": "sigma_min"}
SIGMAS = model_sigmas()
CENTRE = torch.tensor([0.8, -0.6, 1.1, 0.2])[None, :, None, None]
SPREAD = 0.5


def estimate(x: Tensor, sigma: float) -> Tensor:
    """E[x_0 | x] for two clouds about plus and minus CENTRE: not linear in x, and no two walks end alike."""
    wide = SPREAD**2 + sigma**2
    side = torch.tanh((x * CENTRE).sum(dim=1, keepdim=True) / wide) * CENTRE
    return side + (x - side) * SPREAD**2 / wide


def theirs(scheduler: Any, x: Tensor, levels: Sequence[float], **settings: object) -> Tensor:
    """Where their walk from `x` ends, with calls at all of `levels` but the last.

    Schedulers that do not scale what the network sees walk x / sqrt(1 + sigma^2).
    """
    scales = not torch.equal(scheduler.scale_model_input(x, scheduler.timesteps[0]), x)
    x = x if scales else x / (1 + levels[0] ** 2) ** 0.5
    if "generator" in signature(scheduler.step).parameters:
        settings["generator"] = torch.Generator().manual_seed(0)
    for time, level in zip(scheduler.timesteps, levels[:-1], strict=True):
        wide = scheduler.scale_model_input(x, time) * (1 + level**2) ** 0.5
        x = scheduler.step((wide - estimate(wide, level)) / level, time, x, **settings).prev_sample
    return x if scales else x * (1 + levels[-1] ** 2) ** 0.5


def made(name: str, steps: int = STEPS, **settings: object) -> Any:
    scheduler = getattr(diffusers, name)(**settings)
    scheduler.set_timesteps(steps)
    return scheduler


def levels_of(scheduler: Any) -> list[float]:
    falling: list[float] = torch.unique(scheduler.sigmas).flip(0).tolist()
    return falling


def begin(level: float) -> Tensor:
    return level * torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(1))


def apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def once(levels: Sequence[float]) -> list[float]:
    return list(levels)


def at_both_ends(levels: Sequence[float]) -> list[float]:
    return [levels[0], *(level for level in levels[1:-1] for _ in range(2)), levels[-1]]


def in_the_middle(levels: Sequence[float]) -> list[float]:
    return [*(at for now, after in pairwise(levels[:-1]) for at in (now, (now * after) ** 0.5)), *levels[-2:]]


@pytest.mark.parametrize(
    ("label", "name", "settings", "calls"),
    [
        ("Euler", "EulerDiscreteScheduler", KARRAS, once),
        ("Euler a", "EulerAncestralDiscreteScheduler", BETAS, once),
        ("Heun", "HeunDiscreteScheduler", KARRAS, at_both_ends),
        ("LMS", "LMSDiscreteScheduler", KARRAS, once),
        ("DPM2", "KDPM2DiscreteScheduler", KARRAS, in_the_middle),
        ("DPM++ 2M", "DPMSolverMultistepScheduler", ZERO, once),
        ("DPM++ 2M SDE", "DPMSolverMultistepScheduler", {**ZERO, "algorithm_type": "sde-dpmsolver++"}, once),
        (
            "DPM++ 2M SDE Heun",
            "DPMSolverMultistepScheduler",
            {**ZERO, "algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
            once,
        ),
        ("UniPC", "UniPCMultistepScheduler", {**BETAS, **BH1}, once),
    ],
)
def test_the_walk_is_theirs(
    label: str, name: str, settings: dict[str, Any], calls: Callable[[Sequence[float]], list[float]]
) -> None:
    scheduler = made(name, **settings)
    levels = levels_of(scheduler)
    start = begin(levels[0])
    found = walked(find(label).sample(estimate, start, levels, noise_like(start)))
    assert len(levels) == STEPS + 1
    assert apart(found, theirs(scheduler, start, calls(levels))) < CLOSE


def test_without_noise_the_third_order_is_theirs() -> None:
    """Their stochastic form has the wrong sign before a half of the second difference; k-diffusion's has not."""
    scheduler = made("DPMSolverMultistepScheduler", **ZERO, solver_order=3, solver_type="heun", lower_order_final=False)
    levels = levels_of(scheduler)
    start = begin(levels[0])
    found = walked(dpmpp_3m_sde(estimate, start, levels, noise_like(start), eta=0.0))
    assert apart(found, theirs(scheduler, start, levels)) < CLOSE


@pytest.mark.parametrize("sampler", [dpmpp_2s_ancestral, dpmpp_sde])
def test_without_noise_the_single_step_is_theirs(sampler: Callable[..., Any]) -> None:
    """A step of theirs in two calls looks ahead to the next level; put half way in lambda, that is our middle."""
    scheduler = made(
        "DPMSolverSinglestepScheduler", **KARRAS, final_sigmas_type="sigma_min", lower_order_final=False, solver_order=2
    )
    levels = scheduler.sigmas[::2].tolist()
    scheduler.sigmas[1::2] = (scheduler.sigmas[:-2:2] * scheduler.sigmas[2::2]).sqrt()
    start = begin(levels[0])
    found = walked(sampler(estimate, start, levels, noise_like(start), eta=0.0))
    assert apart(found, theirs(scheduler, start, scheduler.sigmas.tolist())) < CLOSE


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_ddim_is_theirs(eta: float) -> None:
    """They keep sqrt(a) x, and end at the first training time."""
    scheduler = made("DDIMScheduler", **WHOLE_TIMES, clip_sample=False)
    levels = [*SIGMAS[scheduler.timesteps].tolist(), float(SIGMAS[0])]
    start = begin(levels[0])
    found = walked(ddim(estimate, start, levels, noise_like(start), eta=eta))
    assert apart(found, theirs(scheduler, start, levels, eta=eta)) < CLOSE


def test_plms_is_theirs() -> None:
    scheduler = made("PNDMScheduler", **WHOLE_TIMES, skip_prk_steps=True)
    calls = [*SIGMAS[scheduler.timesteps].tolist(), float(SIGMAS[0])]
    levels = sorted(set(calls), reverse=True)
    start = begin(levels[0])
    found = walked(find("PLMS").sample(estimate, start, levels, noise_like(start)))
    assert apart(found, theirs(scheduler, start, calls)) < CLOSE


def test_lcm_is_theirs() -> None:
    """Theirs also mixes in a share of x, which a large scaling of the times turns off."""
    scheduler = made("LCMScheduler", 8, **BETAS, timestep_scaling=1e6)
    levels = [*SIGMAS[scheduler.timesteps].tolist(), 0.0]
    start = begin(levels[0])
    found = walked(find("LCM").sample(estimate, start, levels, noise_like(start)))
    assert apart(found, theirs(scheduler, start, levels)) < CLOSE


def test_no_two_samplers_end_alike() -> None:
    """So that being theirs means something; DDIM's walk, unguided, is Euler's."""
    levels = levels_of(made("EulerDiscreteScheduler", **KARRAS))
    start = begin(levels[0])
    ends = {label: walked(find(label).sample(estimate, start, levels, noise_like(start))) for label in labels()}
    alike = {pair for pair in combinations(ends, 2) if apart(ends[pair[0]], ends[pair[1]]) < 1000 * CLOSE}
    assert alike == set(combinations(("DDIM", "DDIM CFG++", "Euler"), 2)) | {("Heun", "Restart")}
