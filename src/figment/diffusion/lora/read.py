"""LoRA files of every kind, read into layers.

What a file changes is known by its own names here; which weights those are is found when it meets a network
(`figment.diffusion.lora.merge`), because the names alone do not tell.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from figment.core import weights
from figment.core.errors import CheckpointError
from figment.diffusion.embeddings import Embedding, embedding_of, finite, opened
from figment.diffusion.kinds import Base, Part
from figment.diffusion.lora.base import base_of_layers
from figment.diffusion.lora.kinds import layer_of
from figment.diffusion.lora.layer import Damaged, Layer
from figment.diffusion.lora.names import parsed

__all__ = ["Lora", "read"]

Tensors = dict[tuple[Part, str], dict[str, Tensor]]
"""Of a module, by their names in `names.Name`."""

_BUNDLED = re.compile(r"bundle_emb\.(?P<name>.+?)\.(?P<tensor>string_to_param\..+|emb_params|clip_[lg])")
_WORD = re.compile(r"<[^<>]+>")
_PREFIXES: Mapping[Part, str] = {"unet": "unet.", "text": "text_encoder.", "text_2": "text_encoder_2."}
"""Of PEFT's settings in a header."""


@dataclass(frozen=True, eq=False)
class Lora:
    """A LoRA file."""

    name: str
    """What it is called in a prompt: the file's name without its ending."""
    path: Path
    layers: Mapping[tuple[Part, str], Layer]
    """By network, and by module as the file spells it, full stops replaced by _."""
    metadata: Mapping[str, str]
    """What the trainer wrote down."""
    base: Base | None
    """The models it was made for; None where the shapes of its tensors do not tell."""
    embeddings: tuple[Embedding, ...]
    """Words that come with it."""
    unknown: tuple[str, ...]
    """Tensors that are of no use to any kind of layer."""


def read(path: Path) -> Lora:
    """The LoRA in the file at `path`. Raises CheckpointError for a file that is damaged or holds none."""
    tensors = opened(path)
    finite(path, tensors)
    metadata = _metadata(path)
    sorted_, words, unknown = _sorted(tensors)
    _renumber(path, sorted_, metadata)
    _add_alphas(path, sorted_, metadata)
    layers: dict[tuple[Part, str], Layer] = {}
    for (part, module), found in sorted_.items():
        layer = _layer(path, module, found)
        if layer is None:
            unknown += [f"{module}.{name}" for name in found]
        else:
            layers[part, module] = layer
    if not layers:
        raise CheckpointError(f"{path} holds no LoRA; whole models belong into models/Stable-diffusion.")
    embeddings = tuple(embedding_of(path, name, word) for name, word in words.items())
    return Lora(path.stem, path, layers, metadata, base_of_layers(layers), embeddings, tuple(unknown))


def _metadata(path: Path) -> dict[str, str]:
    if weights.identify(path) is not weights.Kind.SAFETENSORS:
        return {}
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _sorted(tensors: Mapping[str, Tensor]) -> tuple[Tensors, dict[str, dict[str, Tensor]], list[str]]:
    """Tensors by module, those of words by word, and the names of the rest."""
    modules: Tensors = defaultdict(dict)
    words: dict[str, dict[str, Tensor]] = defaultdict(dict)
    unknown = []
    for key, tensor in tensors.items():
        name, bundled = parsed(key), _BUNDLED.fullmatch(key)
        if bundled is not None:
            words[bundled["name"]][bundled["tensor"]] = tensor
        elif _WORD.fullmatch(key):
            words[key][key] = tensor
        elif name is not None:
            modules[name.part, name.module][name.tensor] = _of_rows(key, tensor)
        else:
            unknown.append(key)
    return modules, words, unknown


def _of_rows(key: str, tensor: Tensor) -> Tensor:
    """PEFT's lengths are of rows, but (1, rows, 1, 1) of a convolution."""
    return tensor.flatten() if "lora_magnitude_vector" in key else tensor


def _layer(path: Path, module: str, tensors: Mapping[str, Tensor]) -> Layer | None:
    try:
        return layer_of(tensors)
    except Damaged as error:
        raise CheckpointError(f"{path} is damaged: its layer {module} {error}.") from error


def _renumber(path: Path, modules: Tensors, metadata: Mapping[str, str]) -> None:
    """Count the layers of feed-forward networks where the file's own numbers leave them out."""
    numbered = [key for key in modules if key[0] == "unet" and key[1].startswith("#")]
    kinds = set(re.findall(r"\w+", metadata.get("unet", ""))) if numbered else set()
    if kinds - {"CrossAttention", "Attention", "GEGLU"}:
        raise CheckpointError(f"{path} numbers layers of {', '.join(sorted(kinds))}, whose order is not known.")
    if kinds and "GEGLU" not in kinds:
        moved = {}
        for part, module in numbered:
            block, place = divmod(int(module[1:]), 8)
            moved[part, f"#{9 * block + place + (place > 3)}"] = modules.pop((part, module))
        modules.update(moved)


def _add_alphas(path: Path, modules: Tensors, metadata: Mapping[str, str]) -> None:
    """Put in the alphas that PEFT and diffusers write beside the tensors."""
    settings = _settings(path, metadata)
    for (part, module), tensors in modules.items():
        own = settings.get(part)
        if own is None or "down" not in tensors or "alpha" in tensors:
            continue
        try:
            alpha = _alpha(own, module)
        except (TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{path} comes with settings that make no sense ({error}); copy it again.") from error
        rank = tensors["down"].shape[0]
        tensors["alpha"] = torch.tensor(alpha * math.sqrt(rank) if own.get("use_rslora") else alpha)


def _alpha(settings: Mapping[str, Any], module: str) -> float:
    """Of `module`: by the first pattern that is the end of its name, as PEFT has it."""
    for pattern, value in (settings.get("alpha_pattern") or {}).items():
        if re.fullmatch(rf"(?:.*_)?{re.escape(pattern.replace('.', '_'))}", module):
            return float(value)
    return float(settings["lora_alpha"])


def _settings(path: Path, metadata: Mapping[str, str]) -> dict[Part, Mapping[str, Any]]:
    """PEFT's settings for each network: of the header, or of the adapter_config.json beside its adapter_model."""
    beside = path.with_name("adapter_config.json")
    try:
        if path.stem == "adapter_model" and beside.is_file():
            whole = json.loads(beside.read_text("utf-8"))
            found = dict.fromkeys(_PREFIXES, whole)
        else:
            whole = json.loads(metadata.get("lora_adapter_metadata", "{}"))
            found = {part: _under(prefix, whole) for part, prefix in _PREFIXES.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} comes with settings that are no JSON ({error}); copy it again.") from error
    return {part: own for part, own in found.items() if "lora_alpha" in own}


def _under(prefix: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
