"""What an engine is asked for, within what can be drawn."""

from dataclasses import dataclass, field

from figment.core.errors import InputError
from figment.diffusion.inpainting import Prepared
from figment.diffusion.options import MOST_PIXELS, Options
from figment.diffusion.sampling import Method, chosen
from figment.diffusion.upscalers import Upscaler

__all__ = ["FACTOR", "Job"]

FACTOR = 8
"""Pixels of a side for one latent."""
FINEST = 64
"""The least side of a picture, in pixels."""
MOST_STEPS = 150
SAMPLER = "DPM++ 2M"


@dataclass(frozen=True, eq=False)
class Job:
    """Pictures of one prompt that are drawn side by side. Raises InputError for what cannot be drawn."""

    prompt: str
    negative: str
    seeds: tuple[int, ...]
    steps: int
    guidance: float
    size: tuple[int, int]
    """Height and width in pixels."""
    options: Options = field(default_factory=Options)
    start: Prepared | None = None
    """A picture to start from, made ready for `size`."""
    strength: float = 0.75
    upscaler: Upscaler | None = None
    """For a second time that is not enlarged as latents."""

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"A picture takes 1 to {MOST_STEPS} steps, not {self.steps}; 20 to 50 are enough.")
        height, width = self.size
        if any(side % FACTOR or side < FINEST for side in self.size) or height * width > MOST_PIXELS:
            raise InputError(
                f"A picture of {width}x{height} cannot be drawn: each side must be a multiple of {FACTOR} and at least "
                f"{FINEST}, and there may be {MOST_PIXELS / 1e6:.1f} million pixels; draw it smaller and use --hires."
            )

    @property
    def sampling(self) -> tuple[Method, str]:
        """Sampler and schedule. Raises InputError for names that are not known."""
        return chosen(self.options.sampler or SAMPLER, self.options.schedule)
