"""LoRAs laid over a network's weights, tensor by tensor as they are read. The file of the network stays what it is."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from figment.core.errors import CheckpointError
from figment.diffusion.kinds import Base, Part
from figment.diffusion.lora.base import base_of_unet
from figment.diffusion.lora.latents import OfLatents
from figment.diffusion.lora.layer import Layer
from figment.diffusion.lora.modules import Modules, spelled
from figment.diffusion.lora.read import Lora
from figment.diffusion.networks import Weights

__all__ = ["check", "merged"]

Change = Callable[[Tensor], Tensor]
"""What to add to a float32 tensor."""


def merged(weights: Weights, part: Part, chosen: Sequence[tuple[Lora, float]]) -> Weights:
    """`weights` of the network `part` with every one of the `chosen` LoRAs in them, each at its strength.

    A tensor that is changed is computed in float32 when it is asked for, and float32; any other comes as it is. The
    LoRAs follow one another: one that turns or scales weights does so to what those before it made of them. Layers that
    the network lacks are passed over; `check` tells which. Raises CheckpointError for a LoRA of other shapes.
    """
    changes: dict[str, list[tuple[float, Change]]] = defaultdict(list)
    for lora, strength in chosen:
        if strength != 0:
            for name, change in _changes(lora, part, weights)[0]:
                changes[name].append((strength, change))
    return _Merged(weights, changes) if changes else weights


def check(lora: Lora, model: Mapping[Part, Weights], base: Base | None = None) -> tuple[str, ...]:
    """Layers of `lora` that the `model`'s networks do not have.

    Raises CheckpointError where it was made for another model, as tensor shapes tell, and where nothing of it fits.
    """
    if lora.base and base and lora.base is not base:
        raise CheckpointError(f"{lora.path.name} was made for {lora.base}; this checkpoint is {base}.")
    found, missing = 0, [f"{part}: {module}" for part, module in lora.layers if part not in model]
    for part, weights in model.items():
        changes, lacking = _changes(lora, part, weights)
        found += len(changes)
        missing += [f"{part}: {module}" for module in lacking]
    if not found:
        raise CheckpointError(
            f"{lora.path.name} was made for another kind of model: this checkpoint has none of its layers."
        )
    return tuple(missing)


class _Merged(Mapping[str, Tensor]):
    """Weights and what is to be added to them."""

    def __init__(self, pristine: Weights, changes: Mapping[str, Sequence[tuple[float, Change]]]) -> None:
        self._pristine = pristine
        self._changes = changes

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._pristine[name]
        changes = self._changes.get(name, ())
        if changes:
            tensor = tensor.to(torch.float32, copy=True)
        for strength, change in changes:
            tensor.add_(change(tensor), alpha=strength)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._pristine)

    def __len__(self) -> int:
        return len(self._pristine)

    def __contains__(self, name: object) -> bool:
        return name in self._pristine


def _changes(lora: Lora, part: Part, weights: Weights) -> tuple[list[tuple[str, Change]], list[str]]:
    """What `lora` does to each of the `weights`, and its modules that they lack. Raises CheckpointError."""
    spellings = spelled(part, weights)
    changes: dict[str, Change] = {}
    missing = []
    for (of, module), layer in lora.layers.items():
        if of != part:
            continue
        modules = spellings.get(module, ())
        if not modules:
            missing.append(module)
            continue
        if modules == ("conv_in",):
            layer = OfLatents(layer)
        _check_shape(lora, module, layer, modules, weights)
        changes |= _of_modules(layer, modules, weights)
        if layer.bias_change() is not None and f"{modules[0]}.bias" not in weights:
            missing.append(f"{module} (bias)")
    return list(changes.items()), missing


def _of_modules(layer: Layer, modules: Modules, weights: Weights) -> dict[str, Change]:
    """Changes by weight. A layer of several modules is computed whole for each, and cut."""
    changes: dict[str, Change] = {}
    bias = layer.bias_change()
    for place, module in enumerate(modules):
        changes[f"{module}.weight"] = layer.change if len(modules) == 1 else _cut(layer, place, modules, weights)
        if bias is not None and f"{module}.bias" in weights:
            changes[f"{module}.bias"] = _constant(bias.chunk(len(modules))[place])
    return changes


def _constant(bias: Tensor) -> Change:
    return lambda _: bias


def _cut(layer: Layer, place: int, modules: Modules, weights: Weights) -> Change:
    def change(_: Tensor) -> Tensor:
        whole = torch.cat([weights[f"{module}.weight"].float() for module in modules])
        return layer.change(whole).chunk(len(modules))[place]

    return change


def _check_shape(lora: Lora, module: str, layer: Layer, modules: Modules, weights: Weights) -> None:
    first = weights[f"{modules[0]}.weight"].shape
    shape = (first[0] * len(modules), *first[1:])
    if layer.fits(shape):
        return
    base = base_of_unet({name: tuple(weights[name].shape) for name in weights if "attn2" in name})
    if lora.base and base and lora.base is not base:
        raise CheckpointError(f"{lora.path.name} was made for {lora.base}; this checkpoint is {base}.")
    sizes = " x ".join(str(size) for size in layer.size if size is not None)
    has = " x ".join(map(str, shape))
    raise CheckpointError(
        f"{lora.path.name} does not fit this checkpoint: its layer {module} is for weights of {sizes}, not of {has}."
    )
