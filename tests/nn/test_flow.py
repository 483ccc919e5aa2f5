"""The sampler of flow matching against a path that is known in closed form."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from figment.nn.flow import integrate, noised, schedule

DEVIATION = 0.5  # of the Gaussian data


def velocity(x: Tensor, time: float) -> Tensor:
    """Exact velocity for data from N(0, DEVIATION^2): E[noise - x_0 | x_t = x]."""
    variance = (1 - time) ** 2 * DEVIATION**2 + time**2
    return x * (time - (1 - time) * DEVIATION**2) / variance


def sampled(steps: int) -> float:
    """Where the point 1.0 of pure noise lands."""
    path = integrate(velocity, torch.ones(1, dtype=torch.float64), schedule(steps))
    while True:
        try:
            next(path)
        except StopIteration as stop:
            return float(stop.value)


def test_the_path_of_a_gaussian_is_followed_with_second_order() -> None:
    """The exact map scales noise by the data's deviation; twice the steps leave about a quarter of the error."""
    errors = [abs(sampled(steps) - DEVIATION) for steps in (32, 64, 128)]
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert all(1.7 < order < 2.4 for order in orders), (errors, orders)


def test_a_step_count_of_twelve_is_close() -> None:
    assert sampled(12) == pytest.approx(DEVIATION, abs=0.02)


@pytest.mark.parametrize(("shift", "start"), [(1.0, 1.0), (1.5, 1.0), (3.0, 0.6)])
def test_times_fall_from_the_start_to_zero(shift: float, start: float) -> None:
    times = schedule(10, shift, start)
    assert len(times) == 11
    assert times[0] == pytest.approx(shift * start / (1 + (shift - 1) * start))
    assert times[-1] == 0
    assert times == sorted(times, reverse=True)


def test_a_tensor_sent_back_takes_the_place_of_the_sample() -> None:
    path = integrate(lambda x, _time: torch.zeros_like(x), torch.zeros(1), schedule(2))
    next(path)
    step, x, _ = path.send(torch.full((1,), 5.0))
    assert (step, float(x)) == (2, 5.0)


def test_noise_takes_over_linearly() -> None:
    clean, noise = torch.zeros(3), torch.ones(3)
    assert torch.allclose(noised(clean, noise, 0.25), torch.full((3,), 0.25))
