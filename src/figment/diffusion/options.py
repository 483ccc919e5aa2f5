"""What can be asked of Stable Diffusion beyond a prompt; command line, page and API validate against it."""

from dataclasses import fields
from typing import Annotated, Literal

from figment.core.config import Field, config

__all__ = ["MOST_PIXELS", "Options"]

MOST_PIXELS = 2048 * 2048
"""Of one picture: attention over more places takes hours and tens of gigabytes."""
Pixels = Annotated[int, Field(ge=0, le=2048)]


@config
class Options:
    """How Stable Diffusion draws; defaults are AUTOMATIC1111's, but that a start picture is cut to size."""

    sampler: str = ""
    """Sampler, such as "DPM++ 2M Karras" or "Euler a"; DPM++ 2M when not given."""
    schedule: str = ""
    """Schedule of noise levels, such as Karras or Exponential; the sampler's own when not given."""
    few_steps: Literal["lcm", "turbo", "lightning"] | None = None
    """Sampler, steps and guidance of models that were distilled to draw in few steps; what is given besides is kept."""
    clip_skip: Annotated[int, Field(ge=1, le=12)] = 1
    """Layer of the text encoder to take, counted from the last; 2 for many anime models. SD1 alone heeds it."""
    vae: str | None = None
    """Name or path of an autoencoder (VAE) to take the place of the checkpoint's own."""
    rng: Literal["nv", "cpu"] = "nv"
    """Whose random numbers: an NVIDIA GPU's, on which most published pictures were made, or a CPU's."""
    subseed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Second seed, whose noise is mixed in."""
    subseed_strength: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much of the second seed's noise."""
    seed_from: Annotated[str, Field(pattern=r"^(\d{1,4}x\d{1,4})?$")] = ""
    """WIDTHxHEIGHT of a picture whose noise is kept in the middle of this one."""
    ensd: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Shift of the seed for the noise that stochastic samplers add ("ENSD")."""
    eta: Annotated[float, Field(ge=0, le=2)] | None = None
    """How much noise stochastic samplers add, as a factor; the sampler's own when not given."""
    batch: Annotated[int, Field(ge=1, le=16)] = 1
    """Pictures drawn at once; pays on a GPU."""
    tiling: bool = False
    """Whether the picture's opposite edges fit together."""
    guide_from: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the steps before guidance begins; without guidance a step takes half the time."""
    guide_until: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the steps after which guidance ends."""
    skip_below: Annotated[float, Field(ge=0, le=15)] = 0.0
    """Noise level below which every other step does without the negative prompt ("NGMS"); 0 for never."""
    keep_features: Annotated[int, Field(ge=1, le=10)] = 1
    """Steps that share the deep layers' features (DeepCache): 2 or 3 are faster and slightly different, 1 is exact."""
    eight_bit: bool = False
    """Whether the UNet multiplies in eight bits: faster on an x86-64 CPU, and slightly different."""
    mask_blur: Annotated[int, Field(ge=0, le=64)] = 4
    """Pixels by which the mask's edge is softened."""
    mask_inverted: bool = False
    """Whether the mask is white where the picture is to be kept."""
    fill: Literal["fill", "original", "noise", "nothing"] = "original"
    """What the masked part begins as: the colours around it, what is there, noise, or nothing."""
    area: Literal["whole", "masked"] = "whole"
    """Whether the whole picture is drawn anew, or the masked part alone at full size."""
    padding: Annotated[int, Field(ge=0, le=256)] = 32
    """Pixels around the masked part that are looked at, if it is drawn alone."""
    soft: bool = False
    """Whether grey parts of the mask are repainted in part, each from its own step on (Differential Diffusion)."""
    mask_weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How strictly an inpainting model is kept from seeing what is under the mask."""
    resize: Literal["stretch", "cover", "contain", "latent"] = "cover"
    """How a start picture of other proportions is brought to size: stretched, cut, with its edges drawn out, or
    stretched as latents."""
    extend_left: Pixels = 0
    """Pixels to paint beyond the start picture's left edge."""
    extend_right: Pixels = 0
    """Pixels to paint beyond its right edge."""
    extend_up: Pixels = 0
    """Pixels to paint above it."""
    extend_down: Pixels = 0
    """Pixels to paint below it."""
    hires: Annotated[float, Field(ge=1, le=8)] = 1.0
    """Times as large as which the picture is drawn a second time; 1 for once alone."""
    hires_upscaler: str = "Latent"
    """Latent, Latent (antialiased), Latent (bicubic), Latent (bicubic antialiased), Latent (nearest),
    Latent (nearest-exact), Lanczos, Nearest, or the name of an upscaler's file."""
    hires_steps: Annotated[int, Field(ge=0, le=150)] = 0
    """Steps of the second time; 0 for as many as the first."""
    hires_strength: Annotated[float, Field(ge=0, le=1)] = 0.7
    """How much the second time redoes."""
    hires_sampler: str = ""
    """Sampler of the second time; the first one's when not given."""
    hires_schedule: str = ""
    """Schedule of the second time; the first one's when not given."""
    hires_prompt: Annotated[str, Field(max_length=20_000)] = ""
    """Prompt of the second time; the first one's when not given."""
    hires_negative: Annotated[str, Field(max_length=20_000)] = ""
    """Negative prompt of the second time; the first one's when not given."""

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the fields that are not what they are where nothing is asked for."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != field.default)
