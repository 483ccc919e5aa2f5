"""From what OpenAI's clients ask for to a job that makes pictures. Nothing here reads or writes a file."""

from typing import Any

from figment.core.errors import InputError
from figment.server.models import Model
from figment.server.openai.bodies import Drawing, Editing

__all__ = ["THEIRS", "job"]

THEIRS = ("gpt-image-", "dall-e-", "chatgpt-image-")
"""How names of OpenAI's models begin, which many programs send unasked: they mean the model that is here."""
STEPS = {"low": 10, "high": 32, "hd": 32, "xhigh": 48, "max": 64}
"""Steps of a quality; the model's own for others."""
CLOSE = 0.45
"""How much of a picture is redone where its details are to be kept ("input_fidelity")."""


def job(body: Drawing, model: Model, init: str | None = None, mask: str | None = None) -> dict[str, Any]:
    """Parameters of the "create" job of `body`; `init` and `mask` name files of the user.

    Raises InputError for what cannot be honoured.
    """
    _refuse(body)
    close = isinstance(body, Editing) and body.input_fidelity == "high"
    request = {
        "prompt": body.prompt,
        "steps": STEPS.get(body.quality or "auto"),
        "size": _size(body.size, model),
        "count": body.n or 1,
        "model": model.name,
        "init": init,
        "mask": mask,
        "strength": CLOSE if close and mask is None else None,
    }
    shown = {"preview": bool(body.partial_images), "format": body.output_format or "png"}
    return {"request": request, "options": {}, **shown}


def _size(size: str | None, model: Model) -> str | None:
    if size in (None, "auto"):
        return None
    assert size is not None
    width, height = (int(side) for side in size.split("x"))
    if model.own:
        return model.size(width, height)
    if width % 8 or height % 8 or min(width, height) < 64 or width * height > 2048 * 2048:
        raise InputError(f"size: it must be two multiples of 8 from 64, with at most 4 megapixels, not {size}.")
    return size


def _refuse(body: Drawing) -> None:
    if body.background == "transparent":
        raise InputError("background: the models here draw whole pictures; use 'opaque' or 'auto'.")
    if body.output_format in ("gif", "svg"):
        raise InputError("output_format: pictures are 'png', 'jpeg' or 'webp' here.")
    if body.stream and body.response_format == "url":
        raise InputError("response_format: pictures that are streamed come as 'b64_json'.")
    if body.partial_images and not body.stream:
        raise InputError("partial_images: it takes 'stream': true.")
