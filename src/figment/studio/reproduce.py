"""A picture made again from the settings in its file, whichever program wrote them."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from figment.core.config import from_dict
from figment.core.errors import InputError
from figment.core.task import Task
from figment.diffusion.options import Options
from figment.pixels.files import read_text
from figment.studio.create import create
from figment.studio.drop_in import What, find
from figment.studio.library import entries
from figment.studio.paint import NAMES, SECONDS
from figment.studio.parameters import Settings, read
from figment.studio.request import CreateRequest

__all__ = ["asked_for", "reproduce"]

PASSED_OVER = {
    "User",
    "RNG",
    "Lora hashes",
    "TI hashes",
    "VAE",
    "VAE hash",
    "Variation seed",
    "Variation seed strength",
}
"""Names that are read below, or that say nothing that the prompt does not."""


def reproduce(
    path: Path, out: Path | None = None, changes: Mapping[str, str] | None = None, root: Path = Path()
) -> Task[list[Path]]:
    """Make the picture at `path` again and return where it was written.

    `changes` are fields of `CreateRequest` and `Options` to be asked for otherwise. Raises InputError where the file
    holds no settings, or some that cannot be honoured, PixelError where it is no picture.
    """
    text = read_text(path)
    if not text:
        raise InputError(f"{path} holds no settings; they are in pictures as Figment and AUTOMATIC1111 write them.")
    request, options = asked_for(read(text), root)
    request, options = _changed(replace(request, out=out), options, changes or {})
    return (yield from create(request, options, root=root))


def asked_for(settings: Settings, root: Path = Path()) -> tuple[CreateRequest, Options]:
    """What is to be asked for the same picture. Raises InputError for what cannot be."""
    extra = dict(settings.extra)
    own = next((entry.name for entry in entries(root) if entry.name == settings.model), None)
    request: dict[str, Any] = {
        "prompt": settings.prompt,
        "negative": settings.negative,
        "seed": settings.seed % 2**32,
        "steps": settings.steps,
        "guidance": settings.guidance,
        "size": f"{settings.width}x{settings.height}",
        "model": own or _model(settings, root),
    }
    if settings.strength is not None and "Hires upscale" not in extra:
        raise InputError(
            "This picture was made from another one, which is not in its file; use `figment create --init`."
        )
    if own:
        return from_dict(CreateRequest, request), Options()
    return from_dict(CreateRequest, request), from_dict(Options, _options(settings, extra, root))


def _model(settings: Settings, root: Path) -> str:
    """The checkpoint of that hash, else of that name. Raises InputError."""
    if settings.model_hash:
        try:
            return str(find(What.CHECKPOINT, f"[{settings.model_hash}]", root).path)
        except InputError:
            pass  # it may be the same model in another file
    if not settings.model:
        raise InputError(
            f"The picture names no model, and no file here has the hash {settings.model_hash or '(none)'}."
        )
    return str(find(What.CHECKPOINT, settings.model, root).path)


def _options(settings: Settings, extra: Mapping[str, str], root: Path) -> dict[str, Any]:
    # Pictures of AUTOMATIC1111 that do not say whose random numbers they are come from a GPU.
    found: dict[str, Any] = {"sampler": settings.sampler, "schedule": settings.schedule}
    found["rng"] = {"CPU": "cpu"}.get(extra.get("RNG", ""), "nv")
    if "VAE" in extra:
        found["vae"] = str(find(What.VAE, Path(extra["VAE"]).stem, root).path)
    if "Variation seed" in extra:
        found |= {"subseed": extra["Variation seed"], "subseed_strength": extra.get("Variation seed strength", "0")}
    if "Hires upscale" in extra and settings.strength is not None:
        found["hires_strength"] = settings.strength
    names = NAMES | SECONDS
    found |= {names[name]: value for name, value in extra.items() if name in names}
    unknown = sorted(set(extra) - set(names) - PASSED_OVER)
    if unknown:
        raise InputError(f"The picture was made with {', '.join(unknown)}, which is not supported here.")
    return found


def _changed(request: CreateRequest, options: Options, changes: Mapping[str, str]) -> tuple[CreateRequest, Options]:
    """Both with the `changes` made. Raises InputError for a name that neither has."""
    asked = {field.name for field in fields(CreateRequest)}
    drawn = {field.name for field in fields(Options)}
    unknown = sorted(changes.keys() - asked - drawn)
    if unknown:
        raise InputError(f"There is no setting '{unknown[0]}'; there are: {', '.join(sorted(asked | drawn))}.")
    first = {name: value for name, value in changes.items() if name in asked}
    second = {name: value for name, value in changes.items() if name in drawn}
    return (
        from_dict(CreateRequest, {name: getattr(request, name) for name in asked} | first),
        from_dict(Options, {name: getattr(options, name) for name in drawn} | second),
    )
