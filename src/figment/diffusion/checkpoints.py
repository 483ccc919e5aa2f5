"""Checkpoints as people drop them in: single files of any Stable Diffusion, pickled ones, folders that diffusers wrote.

A checkpoint is opened without reading its weights. They are read, tensor by tensor, from the memory-mapped file when a
network asks for them, under the names of diffusers and transformers. The file is closed when nothing holds them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open

from figment.core import pickles, weights
from figment.core.errors import CheckpointError
from figment.diffusion import layout
from figment.diffusion.detection import Shapes, autoencoder_config, kind_of, unused
from figment.diffusion.fingerprints import cache_home, fingerprint
from figment.diffusion.folders import PREDICTIONS, open_folder, placed
from figment.diffusion.kinds import Base, Kind, Part, Prediction
from figment.diffusion.layout import AUTOENCODER, TEXTS, Stored
from figment.diffusion.mapped import Mapped, check_finite, check_names
from figment.diffusion.networks import Weights

__all__ = ["Checkpoint", "open_autoencoder", "open_checkpoint", "tensors_of"]

MOST_BESIDE = 2**20
"""Bytes of a configuration beside a checkpoint that is still read."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model that can be used."""

    path: Path
    """The file or folder that the user has."""
    kind: Kind
    parts: Mapping[Part, Weights] = field(repr=False)
    prediction_known: bool = True
    """Whether the file says what its UNet predicts; only of SD2 is that ever open."""
    unused: tuple[str, ...] = field(default=(), repr=False)
    """Tensors of the file that belong to none of its networks, but for those that training is known to leave behind."""

    @property
    def name(self) -> str:
        return self.path.name if self.path.is_dir() else self.path.stem

    @property
    def sha256(self) -> str:
        return fingerprint(self.path)

    @property
    def hash(self) -> str:
        """As AUTOMATIC1111 writes it."""
        return self.sha256[:10]


def open_checkpoint(path: Path, prediction: Prediction | None = None) -> Checkpoint:
    """The checkpoint at `path`, whole and of a known kind. Raises CheckpointError, in a sentence, for all else.

    `prediction` is what its UNet predicts where the user knows better than the file.
    """
    if path.is_dir():
        return Checkpoint(path, *open_folder(path, prediction))
    file, shapes = _shapes(path)
    said = prediction or _said(path, file)
    kind = kind_of(shapes, said, str(path))
    parts = {part: _part(file, shapes, names, path) for part, names in _places(kind, shapes).items()}
    check_finite(file, shapes, path)
    known = kind.base is not Base.SD2 or said is not None or kind.prediction == "v"
    used = {stored.name for part in parts.values() for stored in part.names.values()}
    return Checkpoint(path, kind, parts, known, unused(shapes, used))


def open_autoencoder(path: Path) -> tuple[Mapping[str, Any], Weights]:
    """Configuration and weights of an autoencoder in a file of its own. Raises CheckpointError."""
    file, shapes = _shapes(path)
    prefix = AUTOENCODER if any(name.startswith(AUTOENCODER) for name in shapes) else ""
    if not any(name.startswith(f"{prefix}decoder.") for name in shapes):
        raise CheckpointError(f"{path} is no autoencoder (VAE): it has no decoder.")
    check_finite(file, shapes, path)
    renamed = any(name.startswith("decoder.mid_block.") for name in shapes)
    config = autoencoder_config(shapes, str(path), prefix, renamed=renamed)
    names = layout.autoencoder(config)
    if renamed:
        return config, _part(file, shapes, placed(names, shapes), path)
    return config, _part(file, shapes, layout.prefixed(names, prefix), path)


def tensors_of(path: Path) -> Path:
    """The safetensors file with the tensors of `path`: itself, or what its pickle is turned into, once.

    Raises CheckpointError.
    """
    if weights.identify(path) is weights.Kind.SAFETENSORS:
        return path
    status = path.stat()
    target = cache_home() / "converted" / f"{path.stem}-{status.st_size}-{status.st_mtime_ns}.safetensors"
    if not target.is_file():
        pickles.convert(path, target)
    return target


def _shapes(path: Path) -> tuple[Path, Shapes]:
    """The file with the tensors of `path`, and their shapes."""
    file = tensors_of(path)
    return file, {name: entry.shape for name, entry in weights.check(file).items()}


def _places(kind: Kind, shapes: Shapes) -> dict[Part, dict[str, Stored]]:
    inner = f"{TEXTS[kind.base].get('text', '')}text_model."
    return layout.places(kind.base, kind.configs, bare=not any(name.startswith(inner) for name in shapes))


def _part(file: Path, shapes: Shapes, names: Mapping[str, Stored], path: Path) -> Mapped:
    check_names(names, shapes, path)
    return Mapped(file, names)


def _said(path: Path, file: Path) -> Prediction | None:
    """What the file, or a configuration beside it, says that the UNet predicts; None where none does."""
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata() or {}
    yaml = re.search(r"parameterization:\s*[\"']?(\w+)", _beside(path, ".yaml"))
    try:
        own = json.loads(_beside(path, ".json") or "{}")
    except (ValueError, RecursionError):
        own = {}
    told = (
        metadata.get("modelspec.prediction_type"),
        yaml and yaml[1],
        own.get("prediction_type") if isinstance(own, dict) else None,
    )
    return next((PREDICTIONS[one.lower()] for one in told if isinstance(one, str) and one.lower() in PREDICTIONS), None)


def _beside(path: Path, ending: str) -> str:
    """The text of the file beside `path` with another `ending`; nothing where there is none of sensible size."""
    file = path.with_suffix(ending)
    try:
        return file.read_text(errors="replace") if file.is_file() and file.stat().st_size <= MOST_BESIDE else ""
    except OSError:
        return ""
