"""Every sampler against distributions whose paths are known in closed form."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from figment.core.errors import InputError
from figment.nn.noise import cosine_levels, linear_levels, sigma_of, spaced
from figment.nn.samplers import Denoise, Noise, Path, find, labels
from figment.nn.samplers.ddim import sample as ddim
from figment.nn.samplers.dpm2_ancestral import sample as dpm2_ancestral
from figment.nn.samplers.dpmpp_2m_sde import sample as dpmpp_2m_sde
from figment.nn.samplers.dpmpp_2m_sde_heun import sample as dpmpp_2m_sde_heun
from figment.nn.samplers.dpmpp_2s_ancestral import sample as dpmpp_2s_ancestral
from figment.nn.samplers.dpmpp_3m_sde import sample as dpmpp_3m_sde
from figment.nn.samplers.dpmpp_sde import sample as dpmpp_sde

Stochastic = Callable[[Denoise, Tensor, Sequence[float], Noise, float], Path]
DEVIATION, HIGH, LOW = 0.5, 10.0, 0.05
ORDERS = {"Euler": 1, "DDIM": 1, "DDIM CFG++": 1, "Heun": 2, "DPM2": 2, "DPM++ 2M": 2, "PLMS": 2, "LMS": 3, "UniPC": 2}
"""Of convergence. PLMS is of second order on uneven steps; UniPC as well, since its last step is of first."""
STOCHASTIC = {
    *("Euler a", "DPM2 a", "DPM++ 2S a", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE", "Restart"),
}
RESAMPLING = {"LCM"}
"""Made for networks that say a picture at once; of means over many pictures it makes too little."""


def gaussian(x: Tensor, sigma: float) -> Tensor:
    """E[x_0 | x] for data from N(0, DEVIATION^2)."""
    return x * DEVIATION**2 / (DEVIATION**2 + sigma**2)


def landed(sigma_from: float, sigma_to: float) -> float:
    """Where the exact path takes x = 1: it scales x by the deviation of the noisy data."""
    return math.sqrt((DEVIATION**2 + sigma_to**2) / (DEVIATION**2 + sigma_from**2))


def ramp(steps: int, low: float = LOW) -> list[float]:
    return [HIGH * (low / HIGH) ** (step / steps) for step in range(steps + 1)]


def walked(path: Path) -> Tensor:
    """The end of a path on which nothing is replaced."""
    try:
        step = next(path)
        while True:
            step = path.send(step.x)
    except StopIteration as stop:
        end: Tensor = stop.value
        return end


def noise_like(x: Tensor, seed: int = 0) -> Noise:
    rng = torch.Generator().manual_seed(seed)
    return lambda _now, _after: torch.randn(x.shape, generator=rng, dtype=x.dtype)


def no_noise(_now: float, _after: float) -> Tensor:
    raise AssertionError("a deterministic sampler asked for noise")


def test_every_sampler_is_proven_here() -> None:
    assert labels().keys() == ORDERS.keys() | STOCHASTIC | RESAMPLING


@pytest.mark.parametrize("label", ORDERS)
def test_the_path_of_a_gaussian_is_followed_with_the_order_of_the_sampler(label: str) -> None:
    start = torch.ones(1, dtype=torch.float64)

    def error(steps: int) -> float:
        return abs(float(walked(find(label).sample(gaussian, start, ramp(steps), no_noise))) - landed(HIGH, LOW))

    errors = [error(steps) for steps in (64, 128, 256)]
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert all(-0.25 < order - ORDERS[label] < 0.6 for order in orders), (errors, orders)


@pytest.mark.parametrize("label", sorted(STOCHASTIC))
def test_a_stochastic_path_keeps_the_distribution(label: str) -> None:
    start = torch.randn(40_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    start = start * math.hypot(DEVIATION, HIGH)
    ends = walked(find(label).sample(gaussian, start, ramp(200), noise_like(start)))
    assert float(ends.mean()) == pytest.approx(0, abs=0.01)
    assert float(ends.std()) == pytest.approx(math.hypot(DEVIATION, LOW), rel=0.02)
    assert abs(float(torch.corrcoef(torch.stack([start, ends]))[0, 1])) < 0.2  # the noise has taken over


@pytest.mark.parametrize("label", [*ORDERS, *sorted(STOCHASTIC), *RESAMPLING])
def test_a_point_is_found_exactly_and_the_last_step_ends_on_the_estimate(label: str) -> None:
    point = torch.tensor([0.3, -0.7], dtype=torch.float64)
    start = point + HIGH * torch.tensor([1.0, -2.0], dtype=torch.float64)
    ends = walked(find(label).sample(lambda _x, _sigma: point, start, [*ramp(5), 0.0], noise_like(start)))
    assert torch.allclose(ends, point, atol=1e-12)


@pytest.mark.parametrize(
    ("stochastic", "plain"), [(dpmpp_2m_sde, "DPM++ 2M"), (ddim, "Euler"), (dpm2_ancestral, "DPM2")]
)
def test_without_noise_a_stochastic_sampler_is_its_deterministic_one(stochastic: Stochastic, plain: str) -> None:
    start = torch.linspace(-3, 3, 7, dtype=torch.float64)
    sigmas = [*ramp(9), 0.0]
    expected = walked(find(plain).sample(gaussian, start, sigmas, no_noise))
    assert torch.allclose(walked(stochastic(gaussian, start, sigmas, no_noise, 0.0)), expected, atol=1e-12)


@pytest.mark.parametrize("sampler", [dpmpp_2s_ancestral, dpmpp_sde, dpmpp_3m_sde, dpmpp_2m_sde_heun])
def test_without_noise_they_are_of_second_order_and_more(sampler: Stochastic) -> None:
    start = torch.ones(1, dtype=torch.float64)

    def error(steps: int) -> float:
        return abs(float(walked(sampler(gaussian, start, ramp(steps), no_noise, 0.0))) - landed(HIGH, LOW))

    errors = [error(steps) for steps in (64, 128, 256)]
    assert all(math.log2(coarse / fine) > 1.9 for coarse, fine in pairwise(errors))


@pytest.mark.parametrize("label", [*ORDERS, *sorted(STOCHASTIC), *RESAMPLING])
def test_it_goes_on_with_what_is_sent_back(label: str) -> None:
    seen: list[Tensor] = []

    def denoise(x: Tensor, _sigma: float) -> Tensor:
        seen.append(x)
        return torch.zeros_like(x)

    start = torch.ones(2)
    path = find(label).sample(denoise, start, [4.0, 2.0, 1.0], noise_like(start))
    first = next(path)
    assert first.number == 1
    seen.clear()
    second = path.send(torch.full((2,), 9.0))
    assert torch.equal(seen[0], torch.full((2,), 9.0))
    assert second.number == 2


def test_an_unknown_sampler_is_refused_with_the_known_ones() -> None:
    assert find("dpm++ 2m").LABEL == find("dpmpp_2m").LABEL == "DPM++ 2M"
    with pytest.raises(InputError, match=r"No sampler 'Eular'; there are: DDIM, DDIM CFG\+\+, DPM\+\+ 2M"):
        find("Eular")


@pytest.mark.parametrize("levels", [linear_levels, cosine_levels])
def test_noise_levels_fall_from_almost_none_to_almost_all(levels: Callable[[int], Tensor]) -> None:
    found = levels(1000)
    assert (found.diff() < 0).all()
    assert found[0] > 0.999
    assert found[-1] < 1e-3


def test_linear_levels_are_those_of_the_paper() -> None:
    betas = [1e-4 + (0.02 - 1e-4) * step / 999 for step in range(1000)]
    assert float(linear_levels(1000)[499]) == pytest.approx(math.prod(1 - beta for beta in betas[:500]))


@pytest.mark.parametrize("spacing", ["uniform", "karras", "exponential"])
@pytest.mark.parametrize("start", [1.0, 0.4])
def test_levels_fall_from_the_start_to_zero(spacing: str, start: float) -> None:
    sigmas = sigma_of(linear_levels(1000))
    found = spaced(20, sigmas, spacing, start)  # type: ignore[arg-type]  # the names of the spacings
    assert len(found) == 21
    assert found[0] == pytest.approx(float(sigmas[round(1000 * start) - 1]))
    assert found[-1] == 0
    assert all(after < now for now, after in pairwise(found))


def test_as_many_steps_as_times_visit_every_level() -> None:
    sigmas = sigma_of(cosine_levels(50))
    assert spaced(50, sigmas)[:-1] == pytest.approx(sigmas.flip(0).tolist())
    with pytest.raises(InputError, match="samples in 1 to 50 steps, not 51"):
        spaced(51, sigmas)


def test_few_steps_of_restart_are_those_of_heun() -> None:
    start = torch.linspace(-3, 3, 7, dtype=torch.float64)
    sigmas = [*ramp(12), 0.0]
    expected = walked(find("Heun").sample(gaussian, start, sigmas, no_noise))
    assert torch.equal(walked(find("Restart").sample(gaussian, start, sigmas, no_noise)), expected)


@pytest.mark.parametrize(("steps", "times"), [(19, 0), (20, 1), (35, 1), (36, 2), (60, 2)])
def test_restart_goes_back_as_often_as_its_steps_allow(steps: int, times: int) -> None:
    asked: list[tuple[float, float]] = []

    def noise(now: float, after: float) -> Tensor:
        asked.append((now, after))
        return torch.zeros(2)

    path = find("Restart").sample(gaussian, torch.ones(2), [*ramp(steps - 1), 0.0], noise)
    numbers = []
    step = next(path)
    try:
        while True:
            numbers.append(step.number)
            step = path.send(step.x)
    except StopIteration:
        pass
    assert numbers == list(range(1, steps + 1))
    assert len(asked) == times
    assert all(now < 0.3 and 1 < after < 3 for now, after in asked)


def test_ddim_cfgpp_puts_back_the_noise_of_the_unguided_estimate() -> None:
    class Guided:
        unconditional = torch.full((2,), 0.2)

        def __call__(self, x: Tensor, _sigma: float) -> Tensor:
            return torch.full((2,), 0.7)

    start = torch.tensor([3.0, -1.0])
    end = walked(find("DDIM CFG++").sample(Guided(), start, [4.0, 2.0], no_noise))
    assert torch.allclose(end, 0.7 + 0.5 * (start - 0.2))
