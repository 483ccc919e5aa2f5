"""A picture made larger, by resampling or by a network that invents detail, which its credentials tell apart."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.core.task import Task
from figment.diffusion.fingerprints import fingerprint
from figment.diffusion.upscalers import RESAMPLED, Upscaler, open_upscaler, resampled
from figment.pixels.files import MAX_PIXELS, Format, load, read_text
from figment.pixels.resizing import resize
from figment.studio.drop_in import Dropped, What, find
from figment.studio.gallery import Gallery
from figment.studio.parameters import Settings, read
from figment.trust.labels import Ingredient, Operation, Provenance

__all__ = ["Size", "enlarge", "target"]

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Size:
    """How large a picture is to be: `by` times as large, or so that it fills `fill`, height and width."""

    by: float = 2.0
    fill: tuple[int, int] | None = None
    cut: bool = True
    """Whether what sticks out of `fill` is cut off."""


def enlarge(
    path: Path,
    size: Size,
    upscaler: str,
    second: str,
    share: float,
    gallery: Gallery,
    root: Path = Path(),
    *,
    format: Format = "png",
) -> Task[Path]:
    """Write the picture at `path` in another size, and return where.

    `upscaler` and `second` are names of `RESAMPLED` or of dropped-in files; of the second goes a `share`, 0 to 1, into
    the mixture. Raises InputError, PixelError and CheckpointError.
    """
    picture = load(path)
    wanted = target(picture.shape[:2], size)
    made = yield from _by(upscaler, picture, wanted, root)
    if share:
        other = yield from _by(second, picture, wanted, root)
        made = np.rint((1 - share) * made.astype(np.float32) + share * other).astype(np.uint8)
    if size.fill is not None and size.cut:
        made = resize(made, size.fill)
    used = (upscaler, second) if share else (upscaler,)
    return gallery.save(made, _settings(path, used, size), _provenance(path, used, root), format=format).path


def target(shape: tuple[int, int], size: Size) -> tuple[int, int]:
    """Height and width to which a picture of `shape` is enlarged. Raises InputError for more than can be kept."""
    height, width = shape
    by = size.by if size.fill is None else max(size.fill[0] / height, size.fill[1] / width)
    found = max(1, round(height * by)), max(1, round(width * by))
    if found[0] * found[1] > MAX_PIXELS:
        raise InputError(f"The picture would have {found[1]}x{found[0]} pixels; at most 40 million can be kept.")
    return found


def _by(name: str, picture: Picture, wanted: tuple[int, int], root: Path) -> Task[Picture]:
    larger = yield from _upscaler(name, root)(picture, wanted)
    return resize(larger, wanted, "stretch")


def _upscaler(name: str, root: Path) -> Upscaler:
    return resampled(name) if name in RESAMPLED else open_upscaler(_file(name, root).path)


def _file(name: str, root: Path) -> Dropped:
    return find(What.UPSCALER, name, root)


def _provenance(path: Path, used: tuple[str, ...], root: Path) -> Provenance:
    inputs = (Ingredient("picture", path),)
    networks = [_file(name, root) for name in used if name not in RESAMPLED]
    if not networks:
        return Provenance.of(Operation.RESIZE, inputs=inputs)
    return Provenance.of(
        Operation.EDIT, model=networks[0].name, model_sha256=fingerprint(networks[0].path), inputs=inputs
    )


def _settings(path: Path, used: tuple[str, ...], size: Size) -> Settings | None:
    """Those in the picture, with what was done to it, as AUTOMATIC1111 names it; None for a picture without any."""
    try:
        settings = read(read_text(path))
    except InputError:
        return None
    done = {f"Postprocess upscaler{'' if number == 0 else ' 2'}": name for number, name in enumerate(used)}
    if size.fill is None:
        done["Postprocess upscale by"] = f"{size.by:g}"
    else:
        done["Postprocess upscale to"] = f"{size.fill[1]}x{size.fill[0]}"
    return replace(settings, extra={**settings.extra, **done})
