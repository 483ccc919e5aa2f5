"""Every way in which LoRA files spell the modules of a network, made from the network's own names."""

import re
from collections.abc import Iterable, Iterator

from figment.diffusion.kinds import Part
from figment.diffusion.lora.ldm import ldm_names

__all__ = ["Modules", "spelled"]

Modules = tuple[str, ...]
"""Modules whose rows stand one below the other in the file's layer; one module but where OpenCLIP joins three."""

_BLOCK = re.compile(r"(.*(down|up|mid)_block.*\.transformer_blocks\.\d+)\.attn1\.to_q")
_BLOCK_ORDER = {"down": 0, "up": 1, "mid": 2}
_BLOCK_LAYERS = (
    *("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0"),
    "ff.net.0.proj",
    *("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"),
)
_OPENCLIP = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_OPENCLIP_ENDS = {"embeddings.token_embedding": "token_embedding", "final_layer_norm": "ln_final"}


def spelled(part: Part, weights: Iterable[str]) -> dict[str, Modules]:
    """Modules of the network with these `weights`, by their spellings in files as `names.parsed` gives them."""
    modules = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    known = set(modules)
    pairs = _unet(modules) if part == "unet" else _text(modules)
    return {spelling.replace(".", "_"): found for spelling, found in pairs if known.issuperset(found)}


def _unet(modules: list[str]) -> Iterator[tuple[str, Modules]]:
    for module, spelling in ldm_names(modules).items():
        yield spelling, (module,)
        if spelling.endswith(".to_out.0"):
            yield spelling.removesuffix(".0"), (module,)
    for module in modules:
        yield module, (module,)
        if module.endswith(".to_out.0"):
            yield module.removesuffix(".0"), (module,)
    blocks = [match for module in modules if (match := _BLOCK.fullmatch(module))]
    blocks.sort(key=lambda match: (_BLOCK_ORDER[match[2]], [int(number) for number in re.findall(r"\d+", match[1])]))
    numbered = [f"{block[1]}.{layer}" for block in blocks for layer in _BLOCK_LAYERS]
    yield from ((f"#{number}", (module,)) for number, module in enumerate(numbered))


def _text(modules: list[str]) -> Iterator[tuple[str, Modules]]:
    layers = sorted({int(match[1]) for module in modules if (match := re.search(r"\blayers\.(\d+)\.", module))})
    for module in modules:
        plain = module.removeprefix("text_model.")
        yield plain, (module,)
        if plain in _OPENCLIP_ENDS:
            yield _OPENCLIP_ENDS[plain], (module,)
        match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)", plain)
        if match is not None and match[2] in _OPENCLIP:
            yield f"transformer.resblocks.{match[1]}.{_OPENCLIP[match[2]]}", (module,)
    prefix = "text_model." if any(module.startswith("text_model.") for module in modules) else ""
    for place, layer in enumerate(layers):
        attention = f"{prefix}encoder.layers.{layer}.self_attn"
        yield from _attention(place, layer, attention)


def _attention(place: int, layer: int, attention: str) -> Iterator[tuple[str, Modules]]:
    """Spellings of a text encoder's `attention` that name it otherwise: joined, numbered, and like the UNet's."""
    joined = tuple(f"{attention}.{letter}_proj" for letter in "qkv")
    yield f"transformer.resblocks.{layer}.attn.in_proj", joined
    for number, name in enumerate(("k_proj", "v_proj", "q_proj", "out_proj")):
        yield f"#{4 * place + number}", (f"{attention}.{name}",)
        yield f"encoder.layers.{layer}.self_attn.to_{name.removesuffix('_proj')}", (f"{attention}.{name}",)
