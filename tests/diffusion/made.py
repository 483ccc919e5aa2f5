"""Checkpoints of every kind, written in the layout of the original single files, with random weights.

    python tests/diffusion/made.py sd15.safetensors SD1.x --full

Tiny ones have the same names and the same kinds of layer as the real ones, and every tensor of them matters.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from figment.diffusion import layout
from figment.diffusion.detection import AUTOENCODER, TEXTS, UNET
from figment.diffusion.kinds import Base, Part
from figment.diffusion.layout import Stored

__all__ = ["TINY_CONTEXT", "configs", "folder", "write"]

TINY_CONTEXT = {Base.SD1: 64, Base.SD2: 128, Base.SDXL: 192, Base.SDXL_REFINER: 128}
_DOWN, _ATTENDS = "DownBlock2D", "CrossAttnDownBlock2D"
_KINDS = {
    Base.SD1: [_ATTENDS] * 3 + [_DOWN],
    Base.SD2: [_ATTENDS] * 3 + [_DOWN],
    Base.SDXL: [_DOWN, _ATTENDS, _ATTENDS],
    Base.SDXL_REFINER: [_DOWN, _ATTENDS, _ATTENDS, _DOWN],
}
_WIDTHS = {
    True: {
        Base.SD1: [32, 64, 64, 64],
        Base.SD2: [64, 64, 128, 128],
        Base.SDXL: [64, 64, 128],
        Base.SDXL_REFINER: [64, 64, 128, 128],
    },
    False: {
        Base.SD1: [320, 640, 1280, 1280],
        Base.SD2: [320, 640, 1280, 1280],
        Base.SDXL: [320, 640, 1280],
        Base.SDXL_REFINER: [384, 768, 1536, 1536],
    },
}
_DEPTHS: Mapping[bool, Mapping[Base, Any]] = {
    True: {Base.SD1: 1, Base.SD2: 1, Base.SDXL: [1, 1, 2], Base.SDXL_REFINER: 2},
    False: {Base.SD1: 1, Base.SD2: 1, Base.SDXL: [1, 2, 10], Base.SDXL_REFINER: 4},
}


def configs(base: Base, *, tiny: bool = True, inpainting: bool = False) -> dict[Part, dict[str, Any]]:
    """What the networks of a checkpoint look like."""
    widths, kinds = _WIDTHS[tiny][base], _KINDS[base]
    texts = _texts(base, tiny=tiny)
    unet: dict[str, Any] = {
        "in_channels": 9 if inpainting else 4,
        "block_out_channels": widths,
        "layers_per_block": 2,
        "down_block_types": kinds,
        "up_block_types": [kind.replace("Down", "Up") for kind in reversed(kinds)],
        "cross_attention_dim": sum(text["hidden_size"] for text in texts.values()),
        "attention_head_dim": 8 if base is Base.SD1 else [width // 64 for width in widths],
        "transformer_layers_per_block": _DEPTHS[tiny][base],
        "use_linear_projection": base is not Base.SD1,
    }
    if "text_2" in texts:
        size = 32 if tiny else 256
        sizes = 6 if base is Base.SDXL else 5
        unet |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": size,
            "projection_class_embeddings_input_dim": texts["text_2"]["projection_dim"] + sizes * size,
        }
    levels = [32, 32, 64, 64] if tiny else [128, 256, 512, 512]
    vae = {
        "block_out_channels": levels,
        "layers_per_block": 2,
        "latent_channels": 4,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "norm_num_groups": 32,
    }
    return {"unet": unet, "vae": vae, **texts}


def _texts(base: Base, *, tiny: bool) -> dict[Part, dict[str, Any]]:
    def text(width: int, layers: int, act: str) -> dict[str, Any]:
        return {
            "vocab_size": 49408,
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": width // 64,
            "max_position_embeddings": 77,
            "hidden_act": act,
            "projection_dim": 96 if tiny else 1280,
            "eos_token_id": 49407,
        }

    small = text(64, 3, "quick_gelu") if tiny else text(768, 12, "quick_gelu")
    large = (
        text(128, 4, "gelu")
        if tiny
        else text(1024 if base is Base.SD2 else 1280, 24 if base is Base.SD2 else 32, "gelu")
    )
    found: Mapping[Base, dict[Part, dict[str, Any]]] = {
        Base.SD1: {"text": small},
        Base.SD2: {"text": large},
        Base.SDXL: {"text": small, "text_2": large},
        Base.SDXL_REFINER: {"text_2": large},
    }
    return found[base]


def networks(
    base: Base, *, tiny: bool = True, inpainting: bool = False, seed: int = 0
) -> dict[Part, dict[str, Tensor]]:
    """Random weights of every network, by the names of diffusers and transformers, so that outputs stay finite."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    made = configs(base, tiny=tiny, inpainting=inpainting)
    found: dict[Part, dict[str, Tensor]] = {}
    rng = torch.Generator().manual_seed(seed)
    for part, config in made.items():
        with torch.device("meta"):
            if part == "unet":
                network = UNet2DConditionModel(**{key: _tuple(value) for key, value in config.items()})
            elif part == "vae":
                network = AutoencoderKL(**{key: _tuple(value) for key, value in config.items()})
            else:
                make = CLIPTextModelWithProjection if part == "text_2" else CLIPTextModel
                network = make(CLIPTextConfig(**config))
        shapes = {name: tensor.shape for name, tensor in network.state_dict().items() if "position_ids" not in name}
        found[part] = {name: _random(name, shape, rng) for name, shape in shapes.items()}
    return found


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _random(name: str, shape: torch.Size, rng: torch.Generator) -> Tensor:
    noise = torch.randn(shape, generator=rng)
    if "embedding.weight" in name:
        return noise * 0.05
    if len(shape) > 1:
        scale: float = noise[0].numel() ** -0.5
        return noise * scale
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def stored(base: Base, made: Mapping[Part, Mapping[str, Any]]) -> dict[Part, dict[str, Stored]]:
    """Where a single file has every tensor."""
    found: dict[Part, dict[str, Stored]] = {
        "unet": _under(layout.unet(made["unet"]), UNET),
        "vae": _under(layout.autoencoder(made["vae"]), AUTOENCODER),
    }
    for part, prefix in TEXTS[base].items():
        if prefix.endswith("transformer."):
            found[part] = _under(layout.clip(made[part]), f"{prefix}text_model.")
        else:
            found[part] = _under(layout.open_clip(made[part], projected=part == "text_2"), prefix)
    return found


def _under(names: Mapping[str, Stored], prefix: str) -> dict[str, Stored]:
    return {ours: Stored(prefix + one.name, one.third, one.transposed, one.flat) for ours, one in names.items()}


def write(
    path: Path,
    base: Base = Base.SD1,
    *,
    tiny: bool = True,
    inpainting: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write a checkpoint to `path`."""
    save_file(tensors(base, tiny=tiny, inpainting=inpainting, seed=seed, dtype=dtype), path)
    return path


def tensors(
    base: Base, *, tiny: bool = True, inpainting: bool = False, seed: int = 0, dtype: torch.dtype = torch.float16
) -> dict[str, Tensor]:
    """What a single file holds."""
    weights = networks(base, tiny=tiny, inpainting=inpainting, seed=seed)
    thirds: dict[str, dict[int, Tensor]] = {}
    out: dict[str, Tensor] = {"alphas_cumprod": torch.linspace(1, 0.005, 1000)}
    for part, names in stored(base, configs(base, tiny=tiny, inpainting=inpainting)).items():
        for ours, place in names.items():
            tensor = weights[part].pop(ours).to(dtype)
            if place.third is not None:
                thirds.setdefault(place.name, {})[place.third] = tensor
            else:
                tensor = tensor.T if place.transposed else tensor
                out[place.name] = (tensor[:, :, None, None] if place.flat else tensor).contiguous()
        assert not weights[part], sorted(weights[part])[:5]
    for name, parts in thirds.items():
        out[name] = torch.cat([parts[number] for number in range(3)])
    return out


def folder(path: Path, base: Base = Base.SD1, *, inpainting: bool = False, seed: int = 0) -> Path:
    """The same weights as a folder that diffusers reads."""
    names: Mapping[Part, tuple[str, str]] = {
        "unet": ("unet", "diffusion_pytorch_model"),
        "vae": ("vae", "diffusion_pytorch_model"),
        "text": ("text_encoder", "model"),
        "text_2": ("text_encoder_2", "model"),
    }
    made = configs(base, inpainting=inpainting)
    for part, weights in networks(base, inpainting=inpainting, seed=seed).items():
        place = path / names[part][0]
        place.mkdir(parents=True)
        prefix = "text_model." if part == "text" else ""
        save_file({prefix + name: tensor for name, tensor in weights.items()}, place / f"{names[part][1]}.safetensors")
        (place / "config.json").write_text(json.dumps(made[part]))
    (path / "model_index.json").write_text("{}")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("base", type=Base, choices=list(Base))
    parser.add_argument("--full", action="store_true", help="of the size of the real one")
    parser.add_argument("--inpainting", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(write(options.path, options.base, tiny=not options.full, inpainting=options.inpainting, seed=options.seed))


if __name__ == "__main__":
    main()
