"""Models as folders that diffusers wrote: each network in a folder of its own, with its configuration."""

import json
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, cast

from figment.core import weights
from figment.core.errors import CheckpointError
from figment.diffusion import layout
from figment.diffusion.kinds import Base, Kind, Part, Prediction
from figment.diffusion.layout import Stored
from figment.diffusion.mapped import Joined, Mapped, check_finite, check_names
from figment.diffusion.networks import Weights

__all__ = ["PREDICTIONS", "open_folder", "placed"]

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
_OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
"""How diffusers called the autoencoder's attention before 2023."""
MOST_LAYERS = 100
"""More than any of these networks has; a stranger's configuration must not make names without end."""
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


def placed(names: Mapping[str, Stored], there: Container[str]) -> dict[str, Stored]:
    """Where a file of diffusers or transformers of any age, in which these names are `there`, has every tensor."""
    found = {}
    for ours, stored in names.items():
        aged = ours
        for new, old in _OLD_ATTENTION.items():
            aged = aged.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
        known = (name for name in (ours, aged, f"text_model.{ours}") if name in there)
        found[ours] = Stored(next(known, ours), stored.shape, flat=stored.flat)
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
    shapes: dict[str, tuple[int, ...]] = {}
    mapped = []
    wanted = _wanted(part, config, folder)
    for file in chosen:
        there = {name: entry.shape for name, entry in weights.check(file).items()}
        check_finite(file, there, folder)
        names = {ours: stored for ours, stored in placed(wanted, there).items() if stored.name in there}
        mapped.append(Mapped(file, names))
        shapes |= there
    check_names(placed(wanted, shapes), shapes, folder)
    return Joined(mapped)


def _wanted(part: Part, config: Mapping[str, Any], folder: Path) -> dict[str, Stored]:
    counts = [config.get(key, 1) for key in ("layers_per_block", "num_hidden_layers", "transformer_layers_per_block")]
    try:
        if max(most for count in counts for most in (count if isinstance(count, list) else [count])) > MOST_LAYERS:
            raise ValueError("too many layers")
        if part == "unet":
            return layout.unet(config)
        if part == "vae":
            return layout.autoencoder(config)
        return layout.open_clip(config, projected=True) if part == "text_2" else layout.clip(config)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise CheckpointError(f"{folder / 'config.json'} does not describe its network; copy it again.") from error
