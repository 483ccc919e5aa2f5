"""Checkpoints of every kind, written in the layout of the original single files, with random weights.

    python tests/diffusion/made.py sd15.safetensors SD1.x --full

Tiny ones have the same names and the same kinds of layer as the real ones, and every tensor of them matters.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from safetensors.torch import save_file
from torch import Tensor

from figment.diffusion import layout
from figment.diffusion.kinds import Base, Part, Prediction

__all__ = ["configs", "folder", "networks", "shapes", "stream", "tensors", "write"]

HEADER = 2**19
"""Bytes of a file before its tensors; what the names leave is filled with blanks."""
TYPES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}
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
        "out_channels": 4,
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
        "in_channels": 3,
        "out_channels": 3,
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


def shapes(base: Base, *, tiny: bool = True, inpainting: bool = False) -> dict[Part, dict[str, torch.Size]]:
    """Shapes of every network's tensors, by the names of diffusers and transformers; no memory is taken."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    found: dict[Part, dict[str, torch.Size]] = {}
    for part, config in configs(base, tiny=tiny, inpainting=inpainting).items():
        with torch.device("meta"):
            if part in ("unet", "vae"):
                make = UNet2DConditionModel if part == "unet" else AutoencoderKL
                network = make(
                    **{key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
                )
            else:
                make = CLIPTextModelWithProjection if part == "text_2" else CLIPTextModel
                network = make(CLIPTextConfig(**config))
        tensors = network.state_dict().items()
        found[part] = {name: tensor.shape for name, tensor in tensors if "position_ids" not in name}
    return found


def networks(base: Base, *, inpainting: bool = False, seed: int = 0) -> dict[Part, dict[str, Tensor]]:
    """Random weights of tiny networks, by the names of diffusers and transformers."""
    return {
        part: {name: _random(part, name, shape, seed) for name, shape in inside.items()}
        for part, inside in shapes(base, inpainting=inpainting).items()
    }


def _random(part: Part, name: str, shape: torch.Size, seed: int) -> Tensor:
    """Of such a size that outputs stay finite; every tensor has random numbers of its own."""
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(crc32(f"{seed} {part} {name}".encode())))
    if "embedding.weight" in name:
        return noise * 0.05
    if len(shape) > 1:
        scale: float = noise[0].numel() ** -0.5
        return noise * scale
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def stream(
    base: Base,
    *,
    tiny: bool = True,
    inpainting: bool = False,
    prediction: Prediction = "noise",
    seed: int = 0,
    dtype: torch.dtype = torch.float16,
) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a single file, one after the other."""
    yield "alphas_cumprod", torch.linspace(1, 0.005, 1000)
    if prediction == "v":
        yield "v_pred", torch.zeros(0)
    known = shapes(base, tiny=tiny, inpainting=inpainting)
    for part, places in layout.places(base, configs(base, tiny=tiny, inpainting=inpainting)).items():
        assert places.keys() == known[part].keys()
        thirds: dict[str, list[Tensor]] = {}
        for ours, place in places.items():
            tensor = _random(part, ours, known[part][ours], seed).to(dtype)
            if place.third is None:
                tensor = tensor.T if place.transposed else tensor
                yield (
                    place.name,
                    (tensor[:, :, None, None] if place.flat and tensor.dim() == 2 else tensor).contiguous(),
                )
            else:
                thirds.setdefault(place.name, []).append(tensor)
                if place.third == 2:
                    yield place.name, torch.cat(thirds.pop(place.name))


def tensors(base: Base, **how: Any) -> dict[str, Tensor]:
    """All that `stream` gives."""
    return dict(stream(base, **how))


def write(path: Path, base: Base = Base.SD1, **how: Any) -> Path:
    """Write a checkpoint to `path`, holding one tensor at a time in memory. `how` is what `stream` takes."""
    header: dict[str, Any] = {}
    place = 0
    with path.open("wb") as file:
        file.seek(8 + HEADER)
        for name, tensor in stream(base, **how):
            data = tensor.view(torch.uint8).numpy().tobytes()
            header[name] = {
                "dtype": TYPES[tensor.dtype],
                "shape": list(tensor.shape),
                "data_offsets": [place, place := place + len(data)],
            }
            file.write(data)
        file.seek(0)
        file.write(HEADER.to_bytes(8, "little") + json.dumps(header).encode().ljust(HEADER))
    return path


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
    parser.add_argument("--prediction", choices=["noise", "v"], default="noise")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    how = {"inpainting": options.inpainting, "prediction": options.prediction, "seed": options.seed}
    print(write(options.path, options.base, tiny=not options.full, **how))


if __name__ == "__main__":
    main()
