"""Schedules and walks against what AUTOMATIC1111 and k-diffusion define."""

import itertools
import math

import pytest
import torch

from figment.core.errors import InputError
from figment.diffusion.kinds import Base
from figment.diffusion.sampling import chosen, methods, redone, walk
from figment.diffusion.schedules import AUTOMATIC, SCHEDULES, find, model_sigmas

SIGMAS = model_sigmas()
FULL = {"Karras", "Exponential", "Polyexponential", "Uniform", "Normal"}
"""Schedules from the largest sigma to the least one, and then 0."""


def test_the_levels_of_stable_diffusion_are_the_known_ones() -> None:
    assert float(SIGMAS[0]) == pytest.approx(0.0292, abs=5e-5)
    assert float(SIGMAS[-1]) == pytest.approx(14.6146, abs=5e-5)


@pytest.mark.parametrize("label", [label for label in SCHEDULES if label != "DDIM"])
@pytest.mark.parametrize("steps", [1, 2, 7, 20, 150])
def test_a_schedule_falls_in_as_many_steps_as_were_asked_for(label: str, steps: int) -> None:
    levels = SCHEDULES[label](steps, SIGMAS, Base.SD1)
    assert len(levels) == steps + 1
    assert all(after < now for now, after in itertools.pairwise(levels))
    assert levels[0] <= 14.6151
    assert levels[-1] == (pytest.approx(float(SIGMAS[0])) if label == "KL Optimal" else 0)


@pytest.mark.parametrize("label", sorted(FULL))
def test_most_schedules_begin_and_end_where_the_model_does(label: str) -> None:
    levels = SCHEDULES[label](10, SIGMAS, Base.SD1)
    assert levels[0] == pytest.approx(float(SIGMAS[-1]), rel=1e-6)
    assert levels[-2] == pytest.approx(float(SIGMAS[0]), rel=1e-6)


def test_karras_and_exponential_are_even_in_their_own_scale() -> None:
    roots = torch.tensor(SCHEDULES["Karras"](9, SIGMAS, Base.SD1)[:-1], dtype=torch.float64) ** (1 / 7)
    logs = torch.tensor(SCHEDULES["Exponential"](9, SIGMAS, Base.SD1)[:-1], dtype=torch.float64).log()
    arcs = torch.tensor(SCHEDULES["KL Optimal"](9, SIGMAS, Base.SD1), dtype=torch.float64).atan()
    for scale in (roots, logs, arcs):
        assert torch.allclose(scale.diff(), scale.diff().mean(), rtol=1e-6)


def test_align_your_steps_gives_the_published_table_at_its_own_length() -> None:
    assert SCHEDULES["Align Your Steps"](11, SIGMAS, Base.SD1)[:3] == pytest.approx([14.615, 6.475, 3.861])
    assert SCHEDULES["Align Your Steps"](11, SIGMAS, Base.SDXL)[:3] == pytest.approx([14.615, 6.315, 3.771])
    between = SCHEDULES["Align Your Steps"](21, SIGMAS, Base.SD1)
    assert between[1] == pytest.approx(math.sqrt(14.615 * 6.475))


def test_whole_times_are_hit_exactly() -> None:
    simple = SCHEDULES["Simple"](10, SIGMAS, Base.SD1)
    assert simple[:2] == [float(SIGMAS[999]), float(SIGMAS[899])]
    turbo = SCHEDULES["Turbo"](4, SIGMAS, Base.SD1)
    assert turbo[:-1] == [float(SIGMAS[time]) for time in (999, 749, 499, 249)]
    ddim = SCHEDULES["DDIM"](10, SIGMAS, Base.SD1)
    assert (ddim[0], ddim[-2]) == (float(SIGMAS[901]), float(SIGMAS[1]))


def test_the_beta_schedule_takes_quantiles_that_are_even_about_the_middle() -> None:
    levels = SCHEDULES["Beta"](5, SIGMAS, Base.SD1)
    low, high = float(SIGMAS[0]), float(SIGMAS[-1])
    assert levels[2] == pytest.approx((low + high) / 2)
    assert levels[1] + levels[3] == pytest.approx(low + high)


@pytest.mark.parametrize(
    ("named", "sampler", "schedule"),
    [
        ("DPM++ 2M Karras", "DPM++ 2M", "Karras"),
        ("dpm++ 2m", "DPM++ 2M", AUTOMATIC),
        ("k_euler_a", "Euler a", AUTOMATIC),
        ("k_dpmpp_2m Exponential", "DPM++ 2M", "Exponential"),
        ("DPM++ 2M SDE Karras", "DPM++ 2M SDE", "Karras"),
        ("Euler a SGM Uniform", "Euler a", "SGM Uniform"),
        ("ddim", "DDIM", AUTOMATIC),
    ],
)
def test_names_that_clients_write_are_understood(named: str, sampler: str, schedule: str) -> None:
    method, found = chosen(named)
    assert (method.label, found) == (sampler, schedule)


def test_a_schedule_of_its_own_wins_over_that_in_the_name() -> None:
    assert chosen("DPM++ 2M Karras", "exponential")[1] == "Exponential"
    assert find("SGMUniform")[0] == "SGM Uniform"


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"No sampler 'Eular'; there are: DPM\+\+ 2M"):
        chosen("Eular")
    with pytest.raises(InputError, match="No schedule 'linear'; there are: Automatic, Uniform"):
        chosen("Euler", "linear")


@pytest.mark.parametrize("label", list(methods()))
def test_every_sampler_walks(label: str) -> None:
    method = methods()[label]
    levels = walk(method, AUTOMATIC, 20, SIGMAS, Base.SD1).sigmas
    assert all(after < now for now, after in itertools.pairwise(levels))
    expected = 20 if method.whole_times and label != "UniPC" else 21
    assert len(levels) == expected


def test_automatic_is_karras_for_most_and_even_for_euler() -> None:
    assert walk(methods()["DPM++ 2M"], AUTOMATIC, 20, SIGMAS, Base.SD1).schedule == "Karras"
    assert walk(methods()["Euler"], AUTOMATIC, 20, SIGMAS, Base.SD1).sigmas == tuple(
        SCHEDULES["Uniform"](20, SIGMAS, Base.SD1)
    )


def test_the_level_before_the_last_is_passed_over_where_the_sampler_wants_it() -> None:
    full = SCHEDULES["Karras"](21, SIGMAS, Base.SD1)
    assert walk(methods()["DPM2"], AUTOMATIC, 20, SIGMAS, Base.SD1).sigmas == (*full[:-2], 0.0)


@pytest.mark.parametrize(("strength", "steps"), [(0.75, 16), (0.5, 11), (1.0, 20), (0.0, 1)])
def test_a_start_picture_is_entered_where_automatic1111_does(strength: float, steps: int) -> None:
    full = walk(methods()["Euler"], AUTOMATIC, 20, SIGMAS, Base.SD1).sigmas
    found = walk(methods()["Euler"], AUTOMATIC, 20, SIGMAS, Base.SD1, enters=redone(20, strength)).sigmas
    assert found == full[-steps - 1 :]


def test_ddim_keeps_whole_times_and_ends_at_the_first() -> None:
    found = walk(methods()["DDIM"], AUTOMATIC, 20, SIGMAS, Base.SD1)
    assert (found.sigmas[0], found.sigmas[-1]) == (float(SIGMAS[951]), float(SIGMAS[1]))
    unit = torch.ones(1)
    assert float(found.end(found.begin(unit, None)) * math.sqrt(1 + found.sigmas[-1] ** 2)) == pytest.approx(
        math.sqrt(1 + found.sigmas[0] ** 2)
    )


def test_unipc_steps_evenly_from_the_last_time_to_the_first() -> None:
    found = walk(methods()["UniPC"], AUTOMATIC, 20, SIGMAS, Base.SD1).sigmas
    assert found[0] == pytest.approx(float(SIGMAS[999]))
    assert found[-1] == pytest.approx(float(SIGMAS[0]))


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_numbers_of_steps_are_refused(steps: int) -> None:
    with pytest.raises(InputError, match="takes 1 to 1000 steps"):
        walk(methods()["Euler"], AUTOMATIC, steps, SIGMAS, Base.SD1)
