"""What the names of tensors in LoRA files mean.

lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight           kohya, LyCORIS
lora_unet_input_blocks_1_1_proj_in.lora_down.weight                     kohya of SDXL, by the names of LDM
base_model.model.unet.down_blocks.0.attentions.0.proj_in.lora_A.weight  PEFT
unet.down_blocks.0....attn1.processor.to_q_lora.down.weight             diffusers, before PEFT
unet:12:down                                                            the first of all, by number
"""

import re
from dataclasses import dataclass

from figment.diffusion.kinds import Part

__all__ = ["Name", "parsed"]


@dataclass(frozen=True)
class Name:
    """Where a tensor of a LoRA file belongs."""

    part: Part
    module: str
    """Of the network, in the file's spelling, with _ for every full stop; "#12" of a module that is only numbered."""
    tensor: str
    """up, down, mid, alpha, dora_scale, diff, w_norm, hada_w1_a, lokr_w1, oft_blocks, a1, ..."""


_PARTS: tuple[tuple[str, Part], ...] = (
    (r"lora_unet_|lycoris_|unet\.(?:unet\.)?|(?:model\.)?diffusion_model\.", "unet"),
    (r"lora_te1?_|text_encoder\.", "text"),
    (r"lora_te2_|text_encoder_2\.", "text_2"),
    (r"conditioner\.embedders\.0\.transformer\.|cond_stage_model\.(?:transformer\.|model\.)", "text"),
    (r"conditioner\.embedders\.[01]\.model\.", "text_2"),
    (r"(?=text_model[._]|encoder\.layers\.)", "text"),
    (r"(?=(?:down|up|mid|input|output|middle)_block|conv_in|conv_out|time_emb|add_emb)", "unet"),
)
_BEGINNINGS = [(re.compile(rf"(?:base_model\.model\.)?(?:{pattern})"), part) for pattern, part in _PARTS]

_ENDINGS = [
    re.compile(r"\.lora_(?P<tensor>up|down|mid)\.weight"),
    re.compile(r"(?:\.lora_linear_layer|[._]lora)\.(?P<tensor>up|down)\.weight"),
    re.compile(r"\.lora_(?P<tensor>[AB])(?:\.\w+)?\.weight"),
    re.compile(r"\.(?P<tensor>lora_magnitude_vector)(?:\.\w+){0,2}"),
    re.compile(r"(?:[._]lora)?\.(?P<tensor>alpha)"),
    re.compile(r"\.(?P<tensor>[ab][12]|bm)\.weight"),
    re.compile(r"\.(?P<tensor>hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t[12]))"),
    re.compile(r"\.(?P<tensor>oft_blocks|oft_diag|rescale|diff|diff_b|w_norm|b_norm|weight|on_input|dora_scale)"),
]
_SYNONYMS = {"A": "down", "B": "up", "lora_magnitude_vector": "dora_scale"}
_NUMBERED = re.compile(r"(?P<part>unet|text_encoder):(?P<number>\d{1,4}):(?P<tensor>up|down)")


def parsed(name: str) -> Name | None:
    """Where the tensor called `name` belongs; None where that cannot be told."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None:
        part: Part = "unet" if numbered["part"] == "unet" else "text"
        return Name(part, f"#{int(numbered['number'])}", numbered["tensor"])
    ending = next((found for pattern in _ENDINGS if (found := re.search(rf"{pattern.pattern}$", name))), None)
    beginning = next(((found, part) for pattern, part in _BEGINNINGS if (found := pattern.match(name))), None)
    if ending is None or beginning is None or beginning[0].end() >= ending.start():
        return None
    module = name[beginning[0].end() : ending.start()].replace(".", "_")
    tensor = ending["tensor"]
    return Name(beginning[1], _plain(beginning[1], module), _SYNONYMS.get(tensor, tensor))


def _plain(part: Part, module: str) -> str:
    """`module` without what one spelling has and another has not."""
    module = module.replace("_processor_", "_")
    if part == "unet":
        return module
    return re.sub(r"^(?:[01]_)?(?:model_|transformer_(?!resblocks))?(?:text_model_)?", "", module)
