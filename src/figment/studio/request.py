"""What a user asks for when creating a picture. The command line, the page and the API all validate against this."""

from pathlib import Path
from typing import Annotated

from figment.core.config import Field, config

__all__ = ["CreateRequest"]

MOST_CHARACTERS = 20_000


@config
class CreateRequest:
    """A picture to be made."""

    prompt: Annotated[str, Field(max_length=MOST_CHARACTERS)]
    """What the picture shows, in English or Korean; empty for whatever the model comes up with."""
    negative: Annotated[str, Field(max_length=MOST_CHARACTERS)] = ""
    """What it should not show."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Number that fixes the picture; drawn at random when it is not given."""
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Sampling steps; 16 when not given, 20 for Stable Diffusion."""
    guidance: Annotated[float, Field(ge=0, le=30)] | None = None
    """How closely to follow the prompt, 1 for not at all; 3 when not given, 7 for Stable Diffusion."""
    size: Annotated[str, Field(pattern=r"^\d{1,6}(x\d{1,6})?$")] | None = None
    """Pixels, as SIDE or WIDTHxHEIGHT; the model's own size, or the start picture's, when not given."""
    count: Annotated[int, Field(ge=1, le=100)] = 1
    """Pictures to make, with seeds that count up."""
    init: Path | None = None
    """Picture to start from."""
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much of the start picture to redo, 0 to 1; 0.6 when not given, 0.75 for Stable Diffusion."""
    mask: Path | None = None
    """Picture of the start picture's size, white where it is to be painted anew."""
    model: str | None = None
    """Name or path of the model; `figment models` lists them."""
    out: Path | None = None
    """File to write (.png, .jpg or .webp); a new file under outputs/ when not given."""

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width that `size` names."""
        if self.size is None:
            return None
        width, _, height = self.size.partition("x")
        return int(height or width), int(width)
