"""How a picture was made, as the "parameters" text that AUTOMATIC1111's web UI writes and its kin read.

    a red apple
    Negative prompt: blurry
    Steps: 12, Sampler: Heun, CFG scale: 3, Seed: 7, Size: 128x128, Model: sprites, Version: figment 0.1.0

Values that would be misread are JSON strings, as AUTOMATIC1111 quotes them. A prompt that would be misread, such as
one with a line that begins "Negative prompt:", is repeated as such a value, which AUTOMATIC1111 lets win as well.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from figment import __version__
from figment.core.config import Field, config, from_dict
from figment.core.errors import InputError

__all__ = ["MAX_LENGTH", "Settings", "read", "write"]

MAX_LENGTH = 200_000
"""Most characters that a text may have."""

_NEGATIVE = "Negative prompt:"
_KEY = re.compile(r"\w[\w \-/]*[\w\-/]")
_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_FIELDS = {
    "Steps": "steps",
    "Sampler": "sampler",
    "Schedule type": "schedule",
    "CFG scale": "guidance",
    "Seed": "seed",
    "Model hash": "model_hash",
    "Model": "model",
    "Denoising strength": "strength",
    "Version": "version",
    "Prompt": "prompt",
    "Negative prompt": "negative",
}
_ORDER = (
    *("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "VAE hash", "VAE"),
    *("Variation seed", "Variation seed strength", "Seed resize from", "Denoising strength"),
    *("Conditional mask weight", "Clip skip", "ENSD", "RNG", "Tiling"),
)
"""Names that AUTOMATIC1111 writes first, and in which order."""
_REQUIRED = ("Steps", "Sampler", "CFG scale", "Seed", "Size")


@config
class Settings:
    """How one picture was made."""

    prompt: str
    """What was asked for; may have several lines."""
    steps: Annotated[int, Field(ge=0, le=1_000_000)]
    """Network evaluations along the sampling path."""
    sampler: str
    """Name of the sampler, such as "Heun"."""
    guidance: float
    """Classifier-free guidance scale."""
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64)]
    """Seed of the random generator."""
    width: Annotated[int, Field(ge=1, le=1_000_000)]
    """Width of the picture in pixels."""
    height: Annotated[int, Field(ge=1, le=1_000_000)]
    """Height of the picture in pixels."""
    schedule: str = ""
    """Name of the schedule of noise levels, such as "Karras"; empty where the sampler has one of its own."""
    negative: str = ""
    """What the picture should not show."""
    model: str = ""
    """Name of the model."""
    model_hash: str = ""
    """First ten hexadecimal digits of the SHA-256 of its weights."""
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much of an initial picture was redone (denoising strength); None when there was no such picture."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further named values; names are two or more letters, digits, spaces, "-" and "/"."""
    version: str = f"figment {__version__}"
    """Program that made the picture."""


def write(settings: Settings) -> str:
    """Text of `settings`. Raises InputError for names and texts that the format cannot hold."""
    values = _values(settings)
    lines = [settings.prompt] if settings.prompt else []
    if settings.negative:
        lines.append(f"{_NEGATIVE} {settings.negative}")
    if _prompts(lines) != (settings.prompt, settings.negative):
        values |= {"Prompt": settings.prompt, "Negative prompt": settings.negative}
    pairs = ", ".join(f"{key}: {_quoted(value)}" for key, value in values.items())
    return _checked("\n".join([*lines, pairs]))


def read(text: str) -> Settings:
    """Settings that `text` holds, by whichever program it was written. Raises InputError when it holds none."""
    *lines, last = _checked(text).rstrip().split("\n")
    found = _pairs(last)
    missing = [key for key in _REQUIRED if key not in found]
    if missing:
        raise InputError(f"The text holds no picture settings: its last line must give {', '.join(missing)}.")
    prompt, negative = _prompts(lines)
    values: dict[str, Any] = {"prompt": prompt, "negative": negative, "version": ""}
    values["width"], _, values["height"] = found.pop("Size").partition("x")
    values |= {name: found.pop(key) for key, name in _FIELDS.items() if key in found}
    return from_dict(Settings, values | {"extra": found})


def _checked(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise InputError(f"The settings of a picture have {len(text)} characters; there may be at most {MAX_LENGTH}.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("The settings of a picture are not valid Unicode; write them in UTF-8.") from None
    return text


def _values(settings: Settings) -> dict[str, str]:
    """Named values in the order of AUTOMATIC1111."""
    for key in settings.extra:
        if not _KEY.fullmatch(key) or key in _FIELDS or key == "Size":
            raise InputError(
                f"A picture's settings cannot have an extra value named {key!r}; "
                "a name is two or more letters, digits, spaces, '-' or '/', and not that of another setting."
            )
    values = {
        "Steps": str(settings.steps),
        "Sampler": settings.sampler,
        "Schedule type": settings.schedule,
        "CFG scale": _number(settings.guidance),
        "Seed": str(settings.seed),
        "Size": f"{settings.width}x{settings.height}",
    }
    values |= {"Model hash": settings.model_hash, "Model": settings.model}
    if settings.strength is not None:
        values["Denoising strength"] = _number(settings.strength)
    optional = ("Schedule type", "Model hash", "Model")
    given = {key: value for key, value in values.items() if value or key not in optional}
    given |= settings.extra
    first = {key: given[key] for key in _ORDER if key in given}
    return first | given | {"Version": settings.version}


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _quoted(value: str) -> str:
    plain = value and value == value.strip() and not value.startswith('"') and not set(value) & set(",:\n")
    return value if plain else json.dumps(value, ensure_ascii=False)


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Prompt and negative prompt in the lines above the values."""
    body = "\n".join(lines)
    prompt, marker, negative = f"\n{body}".partition(f"\n{_NEGATIVE}")
    return prompt.removeprefix("\n"), negative.removeprefix(" ") if marker else ""


def _pairs(line: str) -> dict[str, str]:
    """Named values of the last line; what is not "name: value" between two commas is passed over."""
    found: dict[str, str] = {}
    place = 0
    while place < len(line):
        match = _PAIR.match(line, place)
        if match:
            found[match[1].strip()] = _unquoted(match[2])
            place = match.end()
        else:
            comma = line.find(",", place)
            place = comma + 1 if comma >= 0 else len(line)
    return found


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value.strip()
    try:
        return _checked(str(json.loads(value)))
    except ValueError:  # not ours: a bare value that happens to begin with a quotation mark
        return value.strip()
