"""Networks with the block names of Stable Diffusion and few numbers in them."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from figment.diffusion.kinds import Part

CONTEXT = 24
SD1: Mapping[str, Any] = {
    "block_out_channels": (16, 32),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 2,
    "cross_attention_dim": CONTEXT,
    "attention_head_dim": 2,
    "norm_num_groups": 8,
    "transformer_layers_per_block": 1,
}
SDXL: Mapping[str, Any] = {
    **SD1,
    "block_out_channels": (16, 32, 32),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 3),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 4,
    "projection_class_embeddings_input_dim": 32,
}


def unet(config: Mapping[str, Any] = SD1, seed: int = 0) -> dict[str, Tensor]:
    """Random weights by the names of diffusers."""
    torch.manual_seed(seed)
    return _half(UNet2DConditionModel(**config))


def text(part: Part = "text", seed: int = 0) -> dict[str, Tensor]:
    """Random weights of a text encoder by the names of transformers."""
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        hidden_size=CONTEXT,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=99,
        projection_dim=CONTEXT,
        bos_token_id=97,
        eos_token_id=98,
    )
    return _half(CLIPTextModel(config) if part == "text" else CLIPTextModelWithProjection(config))


def _half(network: Any) -> dict[str, Tensor]:
    state = cast(Mapping[str, Tensor], network.state_dict())
    return {name: tensor.half() for name, tensor in state.items() if tensor.is_floating_point()}


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers of deviation 0.3."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3
