"""From a request to pictures on disk."""

import secrets
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from figment.core.checkpoint import read_metadata
from figment.core.errors import CheckpointError, InputError
from figment.core.model import GenerativeModel, Inpaints, SampleRequest
from figment.core.task import Task, counted
from figment.diffusion.options import Options
from figment.families import open_model, shared_by_threads
from figment.nn.shared_calls import SharedCalls, Shares
from figment.pixels.arrays import from_signed
from figment.pixels.files import Format
from figment.studio.drop_in import Dropped, What, dropped
from figment.studio.drop_in import find as dropped_in
from figment.studio.gallery import Gallery, format_of
from figment.studio.library import Entry, entries, find
from figment.studio.parameters import Settings
from figment.studio.request import CreateRequest
from figment.studio.start import labelled, started
from figment.training.device import pays_in_bfloat16

__all__ = ["create", "model_of", "ready", "shares"]

STANDARD = Options()
STEPS, GUIDANCE, STRENGTH = 16, 3.0, 0.6
"""What models of Figment's own take where nothing is asked for."""
_LOADING = threading.Lock()


def create(
    request: CreateRequest,
    options: Options = STANDARD,
    gallery: Gallery | None = None,
    root: Path = Path(),
    *,
    preview: bool = False,
    format: Format = "png",
    together: bool = False,
) -> Task[list[Path]]:
    """Make the pictures of `request`, each from its own seed, and return where they were written.

    A model of Figment's own or a Stable Diffusion checkpoint in the folders of `root` makes them; `options` are for the
    latter. Every picture is written as soon as it is made, so that a stopped task keeps what it has. With `preview` a
    picture is seen as it comes about, which a checkpoint's always are. `format` is for pictures without a file's name.
    With `together` other threads may create with the same model at once, where it can: its calls are joined.
    Raises InputError, PixelError, CheckpointError or OutputError before anything is written for what cannot be done.
    """
    if request.out is not None:
        format_of(request.out)
    if request.init is None and request.strength is not None:
        raise InputError("A strength needs the picture that it redoes: give --init as well.")
    entry = model_of(request.model, root)
    if isinstance(entry, Dropped):
        from figment.studio.paint import paint  # networks of Stable Diffusion, which others do not need

        return (yield from paint(request, options, entry, gallery or Gallery(), root, format, together=together))
    _refuse(options)
    model = ready(entry, together=together)
    wanted = _sample_request(request, model, preview=preview)
    first = secrets.randbelow(2**32 - request.count) if request.seed is None else request.seed
    written = []
    for index in range(request.count):
        seed = (first + index) % 2**32
        picture = yield from counted(
            model.sample(wanted, torch.Generator().manual_seed(seed)), range(index, index + 1), request.count, "picture"
        )
        image = from_signed(picture[0].float().cpu().numpy())
        settings = _settings(request, seed, image.shape, entry, model.sampler)
        provenance = labelled(request.init, entry.name, entry.sha256)
        saved = (gallery or Gallery()).save(image, settings, provenance, path=request.out, index=index, format=format)
        written.append(saved.path)
    return written


def model_of(name: str | None, root: Path = Path()) -> Entry | Dropped:
    """The model called `name`, or at that path: Figment's own, or a checkpoint. Raises InputError for none."""
    path = None if name is None else Path(name)
    if path is not None and path.exists() and not _is_own(path):
        return Dropped(path.stem, path)
    if name is None or any(entry.name == name for entry in entries(root)) or (path is not None and path.exists()):
        return find(name, root)
    try:
        return dropped_in(What.CHECKPOINT, name, root)
    except InputError as error:
        if not dropped(What.CHECKPOINT, root):
            return find(name, root)
        own = ", ".join(one.name for one in entries(root))
        raise InputError(f"{str(error)[:-1]}; of Figment's own there are {own}.") from None


def _is_own(path: Path) -> bool:
    """Whether the file or the run's folder at `path` is a model of Figment's own."""
    if path.is_dir():
        return (path / "model.safetensors").is_file()
    try:
        read_metadata(path)
    except CheckpointError:
        return False
    return True


def _refuse(options: Options) -> None:
    """Raise InputError for the first of `options` that is asked of a model of Figment's own."""
    for name in options.asked:
        flag = name.replace("_", "-")
        raise InputError(f"--{flag} is for Stable Diffusion; this model has no such setting, so leave it out.")


def shares(entry: Entry) -> bool:
    """Whether several threads can create with the model of `entry` at once. Raises CheckpointError."""
    return shared_by_threads(read_metadata(entry.path).family)


def ready(entry: Entry, *, together: bool = False) -> GenerativeModel[Any]:
    """The model of `entry` where it computes fastest; the last one stays in memory until its file changes.

    With `together` it is made ready for several threads, where it is one of those that can.
    """
    with _LOADING:  # of threads that come at once the first loads it
        model = _opened(entry.path, entry.path.stat().st_mtime_ns)
        if together and isinstance(model, Shares) and model.shared is None:
            model.shared = SharedCalls(device=model.device.type)
    return model


@lru_cache(maxsize=1)
def _opened(path: Path, _modified: int) -> GenerativeModel[Any]:
    model, _ = open_model(path)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    model.in_bfloat16 = pays_in_bfloat16(model.device)
    return model


def _sample_request(asked: CreateRequest, model: GenerativeModel[Any], *, preview: bool) -> SampleRequest:
    """The model's side of a request: checked, with its pictures loaded."""
    size = asked.sides
    height, width = size or (None, None)
    if asked.init is not None and not isinstance(model, Inpaints):
        raise InputError("This model cannot start from a picture; leave --init out or choose another model.")
    shape = (model.image_shape[0], *(size or model.image_shape[1:]))
    init, mask = started(asked.init, asked.mask, shape)
    return SampleRequest(
        prompts=(asked.prompt,),
        negative=asked.negative,
        guidance=GUIDANCE if asked.guidance is None else asked.guidance,
        steps=asked.steps or STEPS,
        height=height,
        width=width,
        init=init,
        strength=STRENGTH if asked.strength is None else asked.strength,
        mask=mask,
        preview=preview,
    )


def _settings(request: CreateRequest, seed: int, shape: Sequence[int], entry: Entry, sampler: str) -> Settings:
    return Settings(
        prompt=request.prompt,
        negative=request.negative,
        steps=request.steps or STEPS,
        sampler=sampler,
        guidance=GUIDANCE if request.guidance is None else request.guidance,
        seed=seed,
        width=shape[1],
        height=shape[0],
        model=entry.name,
        model_hash=entry.hash,
        strength=None if request.init is None else STRENGTH if request.strength is None else request.strength,
    )
