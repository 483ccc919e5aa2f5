"""What AUTOMATIC1111's clients ask for, drawn by a tiny Stable Diffusion checkpoint with all settings heard."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.diffusion import made

from figment.core.config import from_dict
from figment.core.task import Task
from figment.pixels.files import read_text
from figment.server.a1111.bodies import FromPicture, FromPrompt
from figment.server.a1111.methods import ENLARGERS, LATENT
from figment.server.a1111.preferences import Values
from figment.server.a1111.translate import Around, jobs
from figment.server.models import Model, default, find
from figment.studio.jobs import kinds
from figment.studio.jobs.kinds.create import Parameters
from figment.studio.jobs.places import Places
from figment.studio.parameters import Settings, read


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("studio")
    (root / "models" / "Stable-diffusion").mkdir(parents=True)
    made.write(root / "models" / "Stable-diffusion" / "anything.safetensors")
    (root / "uploads").mkdir()
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = 255
    Image.fromarray(picture).save(root / "uploads" / "start.png")
    Image.fromarray(picture[..., 0]).save(root / "uploads" / "mask.png")
    return root


def drawn(root: Path, body: FromPrompt | FromPicture, *files: str) -> list[Settings]:
    """Settings in the pictures that the jobs of `body` make, from a start picture and under a mask if named."""
    model = default(root)
    assert not model.own
    inits, mask = list(files[:1]), files[1] if len(files) > 1 else None
    around = Around(Values(CLIP_stop_at_last_layers=2, eta_noise_seed_delta=31337), model, (*LATENT, *ENLARGERS))
    found: list[Settings] = []
    for number, one in enumerate(jobs(body, around, inits, mask)):
        prepared = kinds.prepared("create", one, Places(root))
        context = kinds.Context(str(number), Places(root), Places(root).staged("job", number))
        task = kinds.kind("create").run(from_dict(Parameters, prepared), context)
        found += [read(read_text(path)) for path in _end(task).files]
    return found


def _end(task: Task[kinds.Made]) -> kinds.Made:
    while True:
        try:
            next(task)
        except StopIteration as stop:
            result: kinds.Made = stop.value
            return result


def test_a_prompt_with_everything(root: Path) -> None:
    body = {
        "prompt": "a cat", "negative_prompt": "dog", "steps": 3, "cfg_scale": 5.5, "width": 64, "height": 72,
        "sampler_name": "Euler a", "scheduler": "karras", "eta": 0.7, "seed": 9, "batch_size": 2, "n_iter": 2,
        "subseed": 4, "subseed_strength": 0.2, "seed_resize_from_w": 64, "seed_resize_from_h": 64, "tiling": True,
        "s_min_uncond": 1.5,
    }  # fmt: skip
    pictures = drawn(root, FromPrompt.model_validate(body))
    assert [one.seed for one in pictures] == [9] * 4
    assert [one.extra["Variation seed"] for one in pictures] == ["4", "5", "6", "7"]
    first = pictures[0]
    assert (first.sampler, first.schedule, first.guidance, first.width, first.height) == (
        "Euler a",
        "Karras",
        5.5,
        64,
        72,
    )
    said = {
        "Clip skip": "2",
        "ENSD": "31337",
        "Eta": "0.7",
        "Tiling": "True",
        "NGMS": "1.5",
        "Seed resize from": "64x64",
    }
    assert said.items() <= first.extra.items()


def test_no_prompt_at_all(root: Path) -> None:
    small = {"steps": 2, "width": 64, "height": 64, "seed": 1}
    (one,) = drawn(root, FromPrompt.model_validate({**small, "cfg_scale": 7}))
    assert (one.prompt, one.negative, one.seed) == ("", "", 1)
    (other,) = drawn(root, FromPicture.model_validate({**small, "prompt": ""}), "uploads/start.png")
    assert (other.prompt, other.strength) == ("", 0.75)


def test_a_second_drawing(root: Path) -> None:
    body: dict[str, Any] = {
        "prompt": "a cat",
        "steps": 2,
        "width": 64,
        "height": 64,
        "enable_hr": True,
        "hr_scale": 1.5,
    }
    (latent,) = drawn(root, FromPrompt.model_validate({**body, "denoising_strength": 0.5}))
    assert (latent.extra["Hires upscale"], latent.extra["Hires upscaler"], latent.strength) == ("1.5", "Latent", 0.5)
    (other,) = drawn(root, FromPrompt.model_validate({**body, "hr_upscaler": "None", "hr_second_pass_steps": 1}))
    assert (other.extra["Hires upscaler"], other.extra["Hires steps"]) == ("Lanczos", "1")


@pytest.mark.parametrize("whole", [False, True])
def test_a_picture_under_a_mask(root: Path, whole: bool) -> None:
    body = FromPicture.model_validate(
        {"prompt": "a cat", "steps": 3, "width": 64, "height": 64, "denoising_strength": 0.9, "mask_blur": 2,
         "inpainting_fill": 1, "inpaint_full_res": not whole, "inpaint_full_res_padding": 8}
    )  # fmt: skip
    (settings,) = drawn(root, body, "uploads/start.png", "uploads/mask.png")
    assert settings.extra["Inpaint area"] == ("Whole picture" if whole else "Only masked")
    assert (settings.strength, settings.extra["Mask blur"]) == (0.9, "2")
    (plain,) = drawn(root, body.model_copy(update={"resize_mode": 1}), "uploads/start.png")
    assert "Mask blur" not in plain.extra


def test_a_checkpoint_goes_by_all_its_names(root: Path) -> None:
    model = default(root)
    assert model == Model("anything", root / "models/Stable-diffusion/anything.safetensors", None)
    for name in ("anything", "anything.safetensors", model.title, model.sha256[:10], "Anything"):
        assert find(name, root) == model
