"""Pictures against the pipelines of diffusers, which read the same single files, draw the same noise and step alike.

Nothing but the file, the prompts and the seed is shared: diffusers reads, tokenizes, encodes, steps and decodes itself.
AUTOMATIC1111 makes one step more of a start picture than diffusers does, so there the latter is asked for more.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.diffusion import made
from torch import Tensor

from figment.core.task import finish
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.engine import Engine, Job, Networks
from figment.diffusion.inpainting import Prepared
from figment.diffusion.kinds import Base
from figment.diffusion.networks import Autoencoder
from figment.diffusion.options import Options
from figment.diffusion.tokens import _tokenizer
from figment.diffusion.torch_backend import TorchBackend
from figment.pixels.arrays import to_signed

# What diffusers' schedulers do with tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PROMPT, NEGATIVE, SEED, STEPS, GUIDANCE = "a red cat, sitting", "blurry", 3, 4, 5.0
HEIGHT, WIDTH = 64, 96
NEAR = 1e-4
FILES: Mapping[str, tuple[Base, bool, bool]] = {
    "SD1": (Base.SD1, False, False),
    "SD1 inpainting": (Base.SD1, True, False),
    "SD2 v": (Base.SD2, False, True),
    "SDXL": (Base.SDXL, False, False),
    "SDXL inpainting": (Base.SDXL, True, False),
}
PARTS: Mapping[str, tuple[str, str, str]] = {
    "unet": ("unet", "diffusers", "UNet2DConditionModel"),
    "vae": ("vae", "diffusers", "AutoencoderKL"),
    "text": ("text_encoder", "transformers", "CLIPTextModel"),
    "text_2": ("text_encoder_2", "transformers", "CLIPTextModelWithProjection"),
}
SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "timestep_spacing": "linspace",
}


def config(root: Path, base: Base, *, nine: bool, v: bool) -> Path:
    """What diffusers wants beside a single file, as a folder."""
    configs = made.configs(base, inpainting=nine)
    configs["vae"]["scaling_factor"] = 0.13025 if base is Base.SDXL else 0.18215
    if base is Base.SD2:  # they leave out the last layer, whose states are not taken
        configs["text"]["num_hidden_layers"] -= 1
    index: dict[str, Any] = {"_class_name": "StableDiffusionPipeline"}
    for part, inside in configs.items():
        folder, library, name = PARTS[part]
        index[folder] = [library, name]
        own = {"_class_name": name, "sample_size": 64} if library == "diffusers" else {"model_type": "clip_text_model"}
        (root / folder).mkdir(parents=True)
        (root / folder / "config.json").write_text(json.dumps({**inside, **own}))
    for folder in ("tokenizer", "tokenizer_2")[: 1 + ("text_2" in configs)]:
        (root / folder).mkdir()
        _tokenizer().model.save(str(root / folder))
        pad = "!" if folder == "tokenizer_2" or base is Base.SD2 else "<|endoftext|>"
        ends = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
        own = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": pad, **ends}
        (root / folder / "tokenizer_config.json").write_text(json.dumps(own))
        index[folder] = ["transformers", "CLIPTokenizer"]
    (root / "scheduler").mkdir()
    prediction = {"prediction_type": "v_prediction" if v else "epsilon"}
    (root / "scheduler" / "scheduler_config.json").write_text(json.dumps({**SCHEDULER, **prediction}))
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    (root / "model_index.json").write_text(json.dumps(index))
    return root


class Pair:
    """Our engine and their parts, from one file."""

    def __init__(self, root: Path, name: str) -> None:
        base, nine, v = FILES[name]
        prediction = "v" if v else "noise"
        path = made.write(root / "model.safetensors", base, inpainting=nine, prediction=prediction, dtype=torch.float32)
        self.ours = Engine(Networks(open_checkpoint(path)), TorchBackend(torch.device("cpu"), torch.float32))
        self.xl = "XL" if base is Base.SDXL else ""
        plain: Any = getattr(diffusers, f"StableDiffusion{self.xl}Pipeline")
        beside = config(root / "config", base, nine=nine, v=v)
        self.parts = plain.from_single_file(str(path), config=str(beside), local_files_only=True).components

    def drawn(self, job: Job) -> Tensor:
        """Our picture before it becomes bytes, (1, 3, H, W) in [0, 1]."""
        watched = Watched(self.ours.autoencoder)
        self.ours._autoencoder = watched
        finish(self.ours.draw(job))
        self.ours._autoencoder = watched.inner
        return (watched.pictures[-1] / 2 + 0.5).clamp(0, 1)

    def theirs(self, kind: str, scheduler: Any = None, **given: Any) -> Tensor:
        """Their picture by a pipeline of the kind."""
        made_of = dict(self.parts)
        made_of["scheduler"] = scheduler or diffusers.EulerDiscreteScheduler.from_config(made_of["scheduler"].config)
        pipeline: Any = getattr(diffusers, f"StableDiffusion{self.xl}{kind}Pipeline")(**made_of)
        pipeline.set_progress_bar_config(disable=True)
        rng = torch.Generator().manual_seed(SEED)
        asked = {"prompt": PROMPT, "negative_prompt": NEGATIVE, "guidance_scale": GUIDANCE, "generator": rng}
        out: Tensor = pipeline(**asked, output_type="pt", **given).images
        return out

    def encoded(self, picture: Tensor) -> Tensor:
        with torch.no_grad():
            latents: Tensor = self.parts["vae"].encode(picture).latent_dist.mean
        return latents * float(self.parts["vae"].config.scaling_factor)


class Watched:
    """An autoencoder that remembers what it decoded."""

    def __init__(self, inner: Autoencoder) -> None:
        self.inner = inner
        self.pictures: list[Tensor] = []

    def encode(self, pictures: Tensor) -> Tensor:
        return self.inner.encode(pictures)

    def decode(self, latents: Tensor) -> Tensor:
        self.pictures.append(self.inner.decode(latents))
        return self.pictures[-1]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    return {name: Pair(tmp_path_factory.mktemp("pair"), name) for name in FILES}


def job(sampler: str = "Euler", **more: Any) -> Job:
    options = Options(sampler=sampler, rng="cpu")
    return Job(PROMPT, NEGATIVE, (SEED,), STEPS, GUIDANCE, (HEIGHT, WIDTH), options, **more)


def photo() -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows * 2, columns * 2, 255 - rows - columns], axis=2).astype(np.uint8)


def right_half() -> NDArray[np.uint8]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, WIDTH // 2 :] = 255
    return mask


def far(first: Tensor, second: Tensor) -> float:
    assert first.shape == second.shape
    assert float(first.std()) > 0.05
    return float((first - second).abs().max())


@pytest.mark.parametrize("name", ["SD1", "SD2 v", "SDXL"])
def test_text_to_image(pairs: dict[str, Pair], name: str) -> None:
    theirs = pairs[name].theirs("", num_inference_steps=STEPS, height=HEIGHT, width=WIDTH)
    assert far(pairs[name].drawn(job()), theirs) < NEAR


def test_text_to_image_along_another_schedule(pairs: dict[str, Pair]) -> None:
    karras = diffusers.EulerDiscreteScheduler(**SCHEDULER, use_karras_sigmas=True)
    theirs = pairs["SD1"].theirs("", karras, num_inference_steps=STEPS, height=HEIGHT, width=WIDTH)
    assert far(pairs["SD1"].drawn(job("Euler Karras")), theirs) < NEAR


@pytest.mark.parametrize("name", ["SD1", "SDXL"])
def test_image_to_image(pairs: dict[str, Pair], name: str) -> None:
    latents = pairs[name].encoded(torch.from_numpy(to_signed(photo()))[None])
    theirs = pairs[name].theirs("Img2Img", image=latents, strength=0.75, num_inference_steps=STEPS)
    assert far(pairs[name].drawn(job(start=Prepared(photo(), None), strength=0.5)), theirs) < NEAR


@pytest.mark.parametrize("name", ["SD1", "SDXL", "SD1 inpainting", "SDXL inpainting"])
def test_inpainting(pairs: dict[str, Pair], name: str) -> None:
    """Theirs puts the known part back after each step in networks of four channels, so here also in those of nine."""
    pair = pairs[name]
    mask, signed = right_half(), torch.from_numpy(to_signed(photo()))[None]
    small = torch.from_numpy(mask[::8, ::8] / np.float32(255))[None, None]
    latents = pair.encoded(signed)
    hidden = pair.encoded(signed * torch.from_numpy(1 - mask / np.float32(255)))
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(SEED))

    def put_back(pipeline: Any, number: int, _time: Any, given: dict[str, Tensor]) -> dict[str, Tensor]:
        sigmas = pipeline.scheduler.sigmas
        return {"latents": torch.lerp(latents + sigmas[sigmas.shape[0] - 3 + number] * noise, given["latents"], small)}

    theirs = pair.theirs(
        "Inpaint",
        image=latents,
        mask_image=torch.from_numpy(mask / np.float32(255))[None, None],
        masked_image_latents=hidden,
        strength=0.75,
        num_inference_steps=STEPS,
        height=HEIGHT,
        width=WIDTH,
        **({"callback_on_step_end": put_back} if "inpainting" in name else {}),
    )
    assert far(pair.drawn(job(start=Prepared(photo(), mask), strength=0.5)), theirs) < NEAR
