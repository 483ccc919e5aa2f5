"""How the second drawing counts its steps and its pixels."""

from dataclasses import replace
from typing import Any

import pytest

from figment.core.errors import InputError
from figment.diffusion.hires import again, larger, second_walk
from figment.diffusion.job import Job
from figment.diffusion.kinds import Base
from figment.diffusion.options import Options
from figment.diffusion.schedules import karras, model_sigmas, uniform

SIGMAS = model_sigmas()
JOB = Job("a", "b", (1,), 20, 7.0, (512, 512), Options(sampler="Euler", hires=2))


def asked(**options: Any) -> Job:
    return replace(JOB, options=replace(JOB.options, **options))


def test_as_many_steps_are_made_as_are_asked_for() -> None:
    """20 steps that redo 0.7 are the last 20 of 28."""
    way = second_walk(asked(hires_strength=0.7), SIGMAS, Base.SD1)
    assert way.sigmas == tuple(uniform(28, SIGMAS, Base.SD1)[8:])
    way = second_walk(asked(hires_strength=0.5, hires_steps=6), SIGMAS, Base.SD1)
    assert way.sigmas == tuple(uniform(12, SIGMAS, Base.SD1)[6:])
    whole = second_walk(asked(hires_strength=1.0), SIGMAS, Base.SD1)
    assert whole.sigmas == tuple(uniform(20, SIGMAS, Base.SD1))


def test_a_strength_that_would_take_too_fine_a_schedule_is_still_heeded() -> None:
    way = second_walk(asked(hires_strength=0.01), SIGMAS, Base.SD1)
    assert way.sigmas == tuple(uniform(1000, SIGMAS, Base.SD1)[-12:])
    nothing = second_walk(asked(hires_strength=0.0), SIGMAS, Base.SD1)
    assert nothing.sigmas == tuple(uniform(1000, SIGMAS, Base.SD1)[-2:])


def test_sampler_and_schedule_are_the_first_ones_unless_others_are_named() -> None:
    first = asked(sampler="DPM++ 2M Karras", hires_strength=0.999)
    assert second_walk(first, SIGMAS, Base.SD1).method.label == "DPM++ 2M"
    assert second_walk(first, SIGMAS, Base.SD1).sigmas == tuple(karras(20, SIGMAS, Base.SD1))
    other = replace(first, options=replace(first.options, hires_sampler="Euler", hires_schedule="Uniform"))
    assert second_walk(other, SIGMAS, Base.SD1).method.label == "Euler"
    assert second_walk(other, SIGMAS, Base.SD1).sigmas == tuple(uniform(20, SIGMAS, Base.SD1))


def test_sizes_are_whole_latents_and_bounded() -> None:
    assert larger((512, 768), 1.3) == (664, 992)
    with pytest.raises(InputError, match="A second drawing of 4096x4096 is too large"):
        larger((512, 512), 8)


def test_prompts_and_steps_of_its_own_are_taken() -> None:
    assert again(asked(hires_prompt="c", hires_steps=9)).prompt == "c"
    assert again(asked(hires_prompt="c", hires_steps=9)).steps == 9
    plain = again(JOB)
    assert (plain.prompt, plain.negative, plain.steps, plain.size) == ("a", "b", 20, (1024, 1024))
