"""Checkpoints as people drop them in: single files of any Stable Diffusion, pickled ones, folders that diffusers wrote.

A checkpoint is opened without reading its weights. They are read, tensor by tensor, from the memory-mapped file when a
network asks for them, under the names of diffusers and transformers.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from torch import Tensor

from figment.core import pickles, weights
from figment.core.errors import CheckpointError
from figment.diffusion import layout
from figment.diffusion.detection import AUTOENCODER, TEXTS, UNET, autoencoder_config, kind_of
from figment.diffusion.fingerprints import cache_home, fingerprint
from figment.diffusion.kinds import Base, Kind, Part, Prediction
from figment.diffusion.layout import Stored
from figment.diffusion.networks import Weights

__all__ = ["Checkpoint", "open_autoencoder", "open_checkpoint", "tensors_of"]

PROBES = 256
"""Numbers of a tensor that are looked at for being finite when a checkpoint is opened."""
PREDICTIONS: Mapping[str, Prediction] = {"v": "v", "v_prediction": "v", "epsilon": "noise", "eps": "noise"}
OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""How diffusers called the autoencoder's attention before 2023."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model that can be used."""

    path: Path
    """The file or folder that the user has."""
    kind: Kind
    parts: Mapping[Part, Weights] = field(repr=False)
    prediction_known: bool = True
    """Whether the file says what its UNet predicts; only of SD2 is that ever open."""

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


class _Lazy(Mapping[str, Tensor]):
    """Tensors of one network, read from a file when asked for."""

    def __init__(self, path: Path, names: Mapping[str, Stored]) -> None:
        self.path, self.names = path, names
        self.file: Any = safe_open(path, framework="pt")

    def __getitem__(self, name: str) -> Tensor:
        stored = self.names[name]
        return stored.read(_usual(self.file.get_tensor(stored.name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


def open_checkpoint(path: Path, prediction: Prediction | None = None) -> Checkpoint:
    """The checkpoint at `path`, whole and of a known kind. Raises CheckpointError, in a sentence, for all else.

    `prediction` is what its UNet predicts where the user knows better than the file.
    """
    if path.is_dir():
        return _open_folder(path, prediction)
    file = tensors_of(path)
    shapes = {name: entry.shape for name, entry in weights.check(file).items()}
    said = prediction or _said(path, file)
    kind = kind_of(shapes, said, str(path))
    parts = {part: _part(file, shapes, names, path) for part, names in _names(kind, shapes).items()}
    _check_finite(path, file, list(shapes))
    return Checkpoint(path, kind, parts, kind.base is not Base.SD2 or said is not None or kind.prediction == "v")


def open_autoencoder(path: Path) -> tuple[Mapping[str, Any], Weights]:
    """Configuration and weights of an autoencoder in a file of its own. Raises CheckpointError."""
    file = tensors_of(path)
    shapes = {name: entry.shape for name, entry in weights.check(file).items()}
    prefix = AUTOENCODER if any(name.startswith(AUTOENCODER) for name in shapes) else ""
    inside = {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
    if not any(name.startswith("decoder.") for name in inside):
        raise CheckpointError(f"{path} is no autoencoder (VAE): it has no decoder.")
    if "decoder.mid_block.resnets.0.conv1.weight" in inside:
        raise CheckpointError(
            f"{path} is an autoencoder in diffusers' names; put its whole folder, with config.json, in."
        )
    config = autoencoder_config(inside, str(path))
    return config, _part(file, shapes, _prefixed(layout.autoencoder(config), prefix), path)


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


def _names(kind: Kind, shapes: Mapping[str, Any]) -> dict[Part, dict[str, Stored]]:
    """Where the file has every tensor of every network."""
    found: dict[Part, dict[str, Stored]] = {
        "unet": _prefixed(layout.unet(kind.configs["unet"]), UNET),
        "vae": _prefixed(layout.autoencoder(kind.configs["vae"]), AUTOENCODER),
    }
    for part, prefix in TEXTS[kind.base].items():
        config = kind.configs[part]
        if prefix.endswith("transformer."):
            inner = f"{prefix}text_model."
            named = any(name.startswith(inner) for name in shapes)
            found[part] = _prefixed(layout.clip(config), inner if named else prefix)
        else:
            found[part] = _prefixed(layout.open_clip(config, projected=part == "text_2"), prefix)
    return found


def _prefixed(names: Mapping[str, Stored], prefix: str) -> dict[str, Stored]:
    return {
        ours: Stored(prefix + stored.name, stored.third, stored.transposed, stored.flat)
        for ours, stored in names.items()
    }


def _part(file: Path, shapes: Mapping[str, Any], names: Mapping[str, Stored], path: Path) -> Weights:
    missing = sorted({stored.name for stored in names.values()} - shapes.keys())
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise CheckpointError(f"{path} lacks the tensor {missing[0]}{others}; it was cut or pruned, copy it again.")
    return _Lazy(file, names)


def _said(path: Path, file: Path) -> Prediction | None:
    """What the file, or a YAML configuration beside it, says that the UNet predicts; None where neither does."""
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata() or {}
    said = PREDICTIONS.get(metadata.get("modelspec.prediction_type", "").lower())
    beside = path.with_suffix(".yaml")
    if said is None and beside.is_file() and beside.stat().st_size < 2**20:
        match = re.search(r"parameterization:\s*[\"']?(\w+)", beside.read_text(errors="replace"))
        said = PREDICTIONS.get(match[1].lower()) if match else None
    return said


def _check_finite(path: Path, file: Path, names: list[str]) -> None:
    """Look at some numbers of every tensor: spoilt merges are not finite in whole layers."""
    with safe_open(file, framework="pt") as opened:
        for name in names:
            flat = _usual(opened.get_tensor(name)).flatten()
            if flat.is_floating_point() and not bool(flat[:: max(1, len(flat) // PROBES)].isfinite().all()):
                raise CheckpointError(
                    f"{path} is spoilt: {name} holds numbers that are not finite; get it anew or make the merge again."
                )


def _usual(tensor: Tensor) -> Tensor:
    """The tensor in a type that networks take: 8-bit numbers become half-precision ones."""
    eight = tensor.is_floating_point() and tensor.element_size() == 1
    return tensor.to(torch.float16) if eight else tensor


# Folders of diffusers

_FOLDERS: Mapping[Part, str] = {
    "unet": "unet",
    "vae": "vae",
    "text": "text_encoder",
    "text_2": "text_encoder_2",
}


def _open_folder(path: Path, prediction: Prediction | None) -> Checkpoint:
    parts: dict[Part, Weights] = {}
    configs: dict[Part, Mapping[str, Any]] = {}
    for part, name in _FOLDERS.items():
        folder = path / name
        if not folder.is_dir():
            continue
        configs[part] = _config(folder)
        parts[part] = _of_folder(folder, part)
    for part in ("unet", "vae"):
        if part not in parts:
            raise CheckpointError(f"{path} lacks the folder {part}; a model that diffusers wrote has it.")
    base = _base(configs, path)
    scheduler = _config(path / "scheduler", "scheduler_config.json") if (path / "scheduler").is_dir() else {}
    said = prediction or PREDICTIONS.get(str(scheduler.get("prediction_type", "epsilon")), "noise")
    full = {part: {**_DEFAULTS.get(part, {}), **config} for part, config in configs.items()}
    # Its text encoder of SD2 ends where states are taken.
    depth = 2 if base in (Base.SDXL, Base.SDXL_REFINER) else 1
    kind = Kind(base, full["unet"].get("in_channels") == 9, said, full, depth=depth)
    return Checkpoint(path, kind, parts)


_DEFAULTS: Mapping[Part, Mapping[str, Any]] = {
    "unet": {
        "use_linear_projection": False,
        "transformer_layers_per_block": 1,
        "addition_embed_type": None,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
    },
    "vae": {"use_quant_conv": True, "use_post_quant_conv": True},
}
"""What configurations leave out."""


def _base(configs: Mapping[Part, Mapping[str, Any]], path: Path) -> Base:
    if "text_2" in configs:
        return Base.SDXL if "text" in configs else Base.SDXL_REFINER
    if "text" not in configs:
        raise CheckpointError(f"{path} lacks the folder text_encoder; a model that diffusers wrote has it.")
    return Base.SD2 if configs["unet"].get("use_linear_projection") else Base.SD1


def _config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / name} cannot be read ({error}); copy the folder again.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{folder / name} is no JSON object; copy the folder again.")
    return cast(dict[str, Any], found)


def _of_folder(folder: Path, part: Part) -> Weights:
    """All tensors of the safetensors files in `folder`; of two variants the one in full precision."""
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if not re.search(r"\.(fp16|bf16|non_ema)\.", file.name)]
    chosen = plain or files
    if not chosen:
        raise CheckpointError(f"{folder} holds no .safetensors file; get that form of the model.")
    found: dict[str, Weights] = {}
    for file in chosen:
        flat = ".mid_block.attentions.0."
        names = {
            _renamed(name, part): Stored(name, flat=part == "vae" and flat in name) for name in weights.check(file)
        }
        names = {ours: stored for ours, stored in names.items() if not ours.endswith("position_ids")}
        lazy = _Lazy(file, names)
        found |= dict.fromkeys(names, lazy)
    return _Joined(found)


class _Joined(Mapping[str, Tensor]):
    """Tensors of several files as one."""

    def __init__(self, files: Mapping[str, Weights]) -> None:
        self.files = files

    def __getitem__(self, name: str) -> Tensor:
        return self.files[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def _renamed(name: str, part: Part) -> str:
    if part == "text":
        return name.removeprefix("text_model.")
    if part == "vae":
        for old, new in OLD_ATTENTION.items():
            name = name.replace(f".attentions.0.{old}.", f".attentions.0.{new}.")
    return name
