"""Models as folders that diffusers wrote: each network in a folder of its own, with its configuration."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from figment.core import weights
from figment.core.errors import CheckpointError
from figment.diffusion import layout
from figment.diffusion.kinds import Base, Kind, Part, Prediction
from figment.diffusion.layout import Stored
from figment.diffusion.mapped import Joined, Mapped, check_finite, check_names
from figment.diffusion.networks import Weights

__all__ = ["PREDICTIONS", "open_folder", "vae_names"]

PREDICTIONS: Mapping[str, Prediction] = {"v": "v", "v_prediction": "v", "epsilon": "noise", "eps": "noise"}
"""What a UNet predicts, as configurations call it."""
_FOLDERS: Mapping[Part, str] = {"unet": "unet", "vae": "vae", "text": "text_encoder", "text_2": "text_encoder_2"}
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
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""How diffusers called the autoencoder's attention before 2023."""
_VARIANT = re.compile(r"\.(fp16|bf16|non_ema)[.-]")


def open_folder(path: Path, prediction: Prediction | None) -> tuple[Kind, dict[Part, Weights]]:
    """Kind and networks of the model in the folder `path`. Raises CheckpointError."""
    there = {part: path / name for part, name in _FOLDERS.items() if (path / name).is_dir()}
    for part in ("unet", "vae"):
        if part not in there:
            raise CheckpointError(f"{path} lacks the folder {part}; a model that diffusers wrote has it.")
    configs = {part: {**_DEFAULTS.get(part, {}), **_config(folder)} for part, folder in there.items()}
    base = _base(configs, path)
    scheduler = _config(path / "scheduler", "scheduler_config.json") if (path / "scheduler").is_dir() else {}
    said = prediction or PREDICTIONS.get(str(scheduler.get("prediction_type", "epsilon")), "noise")
    parts = {part: _weights(folder, part, configs[part]) for part, folder in there.items()}
    # Its text encoder of SD2 ends where states are taken.
    depth = 2 if base in (Base.SDXL, Base.SDXL_REFINER) else 1
    return Kind(base, configs["unet"].get("in_channels") == 9, said, configs, depth=depth), parts


def vae_names(names: Iterable[str]) -> dict[str, Stored]:
    """Today's names of an autoencoder's tensors, for those in a file of diffusers of any age."""
    found = {}
    for name in names:
        ours = name
        for old, new in _OLD_ATTENTION.items():
            ours = ours.replace(f".attentions.0.{old}.", f".attentions.0.{new}.")
        found[ours] = Stored(name, flat=".attentions.0." in name)
    return found


def _base(configs: Mapping[Part, Mapping[str, Any]], path: Path) -> Base:
    if "text_2" in configs:
        return Base.SDXL if "text" in configs else Base.SDXL_REFINER
    if "text" not in configs:
        raise CheckpointError(f"{path} lacks the folder text_encoder; a model that diffusers wrote has it.")
    return Base.SD2 if configs["unet"]["use_linear_projection"] else Base.SD1


def _config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder / name} cannot be read ({error}); copy the folder again.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{folder / name} is no JSON object; copy the folder again.")
    return cast(dict[str, Any], found)


def _weights(folder: Path, part: Part, config: Mapping[str, Any]) -> Weights:
    """All tensors of the safetensors files in `folder`; of two variants the one in full precision."""
    files = sorted(folder.glob("*.safetensors"))
    chosen = [file for file in files if not _VARIANT.search(file.name)] or files
    if not chosen:
        raise CheckpointError(f"{folder} holds no .safetensors file; get that form of the model.")
    mapped = []
    for file in chosen:
        there = [name for name in weights.check(file) if not name.endswith("position_ids")]
        check_finite(file, there, folder)
        mapped.append(Mapped(file, vae_names(there) if part == "vae" else _names(there, part)))
    joined = Joined(mapped)
    check_names(_wanted(part, config, folder), joined, folder)
    return joined


def _names(names: Iterable[str], part: Part) -> dict[str, Stored]:
    prefix = "text_model." if part == "text" else ""
    return {name.removeprefix(prefix): Stored(name) for name in names}


def _wanted(part: Part, config: Mapping[str, Any], folder: Path) -> Iterable[str]:
    try:
        if part == "unet":
            return layout.unet(config)
        if part == "vae":
            return layout.autoencoder(config)
        return layout.open_clip(config, projected=True) if part == "text_2" else layout.clip(config)
    except (KeyError, TypeError, IndexError) as error:
        raise CheckpointError(f"{folder / 'config.json'} does not describe its network; copy it again.") from error
