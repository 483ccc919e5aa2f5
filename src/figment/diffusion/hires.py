"""The second drawing: the picture made larger, and redone in part at its new size."""

from dataclasses import replace

from torch import Tensor

from figment.core.errors import InputError
from figment.diffusion.job import FACTOR, Job
from figment.diffusion.kinds import Base
from figment.diffusion.options import MOST_PIXELS
from figment.diffusion.sampling import Walk, chosen, redone, walk

__all__ = ["again", "larger", "second_walk"]


def second_walk(job: Job, sigmas: Tensor, base: Base) -> Walk:
    """The way of the second drawing over a model with `sigmas`.

    It makes as many steps as are asked for, not a share of them, as AUTOMATIC1111 counts. Raises InputError.
    """
    options = job.options
    larger(job.size, options.hires)
    first, spaced = job.sampling
    method, schedule = chosen(options.hires_sampler or first.label, options.hires_schedule or spaced)
    wanted, share = options.hires_steps or job.steps, min(options.hires_strength, 0.999)
    steps = min(len(sigmas), int(wanted / share) if share else len(sigmas))
    enters = max(0, min(wanted - 1, redone(steps, share)))
    return walk(method, schedule, steps, sigmas, base, enters=enters)


def larger(size: tuple[int, int], times: float) -> tuple[int, int]:
    """Height and width of the second drawing, in whole latents. Raises InputError where that is too much."""
    height, width = (int(side * times) // FACTOR * FACTOR for side in size)
    if height * width > MOST_PIXELS:
        raise InputError(
            f"A second drawing of {width}x{height} is too large; it may have {MOST_PIXELS / 1e6:.1f} million pixels, "
            "so lower --hires or the size."
        )
    return height, width


def again(job: Job) -> Job:
    """What the second drawing is asked for."""
    options = job.options
    return replace(
        job,
        size=larger(job.size, options.hires),
        steps=options.hires_steps or job.steps,
        prompt=options.hires_prompt or job.prompt,
        negative=options.hires_negative or job.negative,
    )
