"""Which models a LoRA was made for, told by the shapes of its tensors and never by what the file says of itself."""

import re
from collections.abc import Iterable, Mapping

from figment.diffusion.kinds import Base, Part
from figment.diffusion.lora.layer import Layer

__all__ = ["base_of_layers", "base_of_unet"]

_CONTEXTS = {768: Base.SD1, 1024: Base.SD2, 2048: Base.SDXL, 1280: Base.SDXL_REFINER}
"""Width of what the UNet is told by the text encoders."""
_LISTENING = re.compile(r".*attn2[._]to_[kv]")
_DEEP = re.compile(r".*transformer_blocks_[1-9]\d*_.*")
_REFINER_WIDTHS = {384, 768, 1536}


def base_of_unet(shapes: Mapping[str, tuple[int, ...]]) -> Base | None:
    """The models whose UNet has weights of these `shapes`; None for one of no known width."""
    widths = {shape[1] for name, shape in shapes.items() if _LISTENING.fullmatch(name.removesuffix(".weight"))}
    return _CONTEXTS.get(widths.pop()) if len(widths) == 1 else None


def base_of_layers(layers: Mapping[tuple[Part, str], Layer]) -> Base | None:
    """The models that these `layers` of a LoRA fit; None where their shapes do not tell."""
    unet = {module: layer.size for (part, module), layer in layers.items() if part == "unet"}
    if unet:
        return _by_unet(unet)
    widths = {layer.size[1] for (part, _), layer in layers.items() if part == "text"}
    if any(part == "text_2" for part, _ in layers):
        return Base.SDXL
    return Base.SD2 if widths & {1024, 4096} else None


def _by_unet(sizes: Mapping[str, tuple[int | None, int | None]]) -> Base | None:
    listening = {columns for module, (_, columns) in sizes.items() if _LISTENING.fullmatch(module) and columns}
    if listening:
        return _CONTEXTS.get(listening.pop()) if len(listening) == 1 else None
    if any(_DEEP.fullmatch(module) for module in sizes):
        rows = {rows for module, (rows, _) in sizes.items() if "_attn1_" in module}
        return Base.SDXL_REFINER if rows & _REFINER_WIDTHS else Base.SDXL
    numbered = [columns for module, (_, columns) in sizes.items() if module.startswith("#")]
    return _of_numbered(numbered)


def _of_numbered(columns: Iterable[int | None]) -> Base | None:
    """By the one width among `columns` that no layer of a UNet has but those that listen to the text."""
    found = {_CONTEXTS[width] for width in columns if width in (768, 1024, 2048)}
    return found.pop() if len(found) == 1 else None
