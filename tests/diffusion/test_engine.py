"""Whole pictures: against the pipelines of diffusers on the same weights and noise, and the promises of the engine."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tests.diffusion import made

from figment.core.errors import CheckpointError, InputError
from figment.core.task import Progress, finish
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.conditions import conditions
from figment.diffusion.embeddings import Embedding
from figment.diffusion.engine import Engine, Job, Networks
from figment.diffusion.inpainting import Prepared
from figment.diffusion.kinds import Base
from figment.diffusion.networks import Autoencoder, Conditioning
from figment.diffusion.options import Options
from figment.diffusion.randomness import NoiseSource, Seeds
from figment.diffusion.torch_backend import TorchBackend
from figment.diffusion.upscalers import resampled
from figment.pixels.arrays import from_signed, to_signed

CPU = torch.device("cpu")
PLAIN = Options(sampler="Euler", rng="cpu")
JOB = Job("a cat", "bad", (3,), 4, 5.0, (64, 96), PLAIN)
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    kinds = {"SD1": (Base.SD1, False), "SDXL": (Base.SDXL, False), "nine": (Base.SD1, True)}
    return {
        name: made.write(root / f"{name}.safetensors", base, inpainting=nine, dtype=torch.float32)
        for name, (base, nine) in kinds.items()
    }


def engine(path: Path, **more: Any) -> Engine:
    return Engine(Networks(open_checkpoint(path)), TorchBackend(CPU, torch.float32), **more)


def drawn(made_by: Engine, job: Job) -> list[Picture]:
    return finish(made_by.draw(job))


def photo(height: int = 64, width: int = 96) -> Picture:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 2, columns * 2, 255 - rows - columns], axis=2).astype(np.uint8)


def taken(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}


class Theirs:
    """The networks of diffusers with the same weights, walked by Euler's method written out."""

    def __init__(self, ours: Engine) -> None:
        self.unet = UNet2DConditionModel(**taken(ours.kind.configs["unet"]))
        self.unet.load_state_dict(dict(ours.networks.weights("unet")))
        self.vae = AutoencoderKL(**taken(ours.kind.configs["vae"]))
        self.vae.load_state_dict(dict(ours.networks.weights("vae")))
        self.scale = ours.kind.scale
        self.sigmas = ours.sigmas

    @torch.no_grad()
    def euler(self, x: torch.Tensor, levels: list[float], told: Any, scale: float, beside: torch.Tensor | None) -> Any:
        (wanted, _), *_ = told.at(0)[0]
        refused = told.at(0)[1]
        context = torch.cat([wanted.context, refused.context])
        added = None
        if wanted.pooled is not None:
            added = {
                "text_embeds": torch.cat([wanted.pooled, refused.pooled]),
                "time_ids": torch.cat([wanted.sizes, refused.sizes]),
            }
        for now, after in pairwise(levels):
            inputs = torch.cat([x / (now**2 + 1) ** 0.5] * 2)
            if beside is not None:
                inputs = torch.cat([inputs, torch.cat([beside] * 2)], dim=1)
            logs = self.sigmas.log().numpy()
            time = float(np.interp(np.log(now), logs, np.arange(1000)))
            said, unsaid = self.unet(inputs, time, context, added_cond_kwargs=added).sample.chunk(2)
            x = x + (after - now) * (unsaid + scale * (said - unsaid))
        return x

    @torch.no_grad()
    def decoded(self, latents: torch.Tensor) -> Picture:
        return from_signed(self.vae.decode(latents / self.scale).sample[0].numpy())

    @torch.no_grad()
    def encoded(self, picture: NDArray[Any]) -> torch.Tensor:
        signed = torch.from_numpy(to_signed(picture))[None]
        means: torch.Tensor = self.vae.encode(signed).latent_dist.mean * self.scale
        return means


def levels_of(steps: int, sigmas: torch.Tensor) -> list[float]:
    times = np.linspace(999, 0, steps)
    return [*np.exp(np.interp(times, np.arange(1000), sigmas.log().numpy())).tolist(), 0.0]


def far(first: Picture, second: Picture) -> int:
    return int(np.abs(first.astype(int) - second.astype(int)).max())


def watched(ours: Engine) -> list[torch.Tensor]:
    """What the UNet sees from now on."""
    seen: list[torch.Tensor] = []
    unet = ours.unet

    def watch(x: torch.Tensor, times: torch.Tensor, conditioning: Conditioning) -> torch.Tensor:
        seen.append(x)
        return unet(x, times, conditioning)

    ours._unet = watch
    return seen


@pytest.mark.parametrize("name", ["SD1", "SDXL", "nine"])
def test_text_to_image_is_what_diffusers_networks_make(files: dict[str, Path], name: str) -> None:
    ours = engine(files[name])
    theirs = Theirs(ours)
    noise = NoiseSource([Seeds(3)], (4, 8, 12), "cpu").first()
    levels = levels_of(4, ours.sigmas)
    beside = None
    if name == "nine":
        grey = torch.zeros(1, 3, 64, 96)
        with torch.no_grad():
            beside = torch.cat(
                [torch.ones(1, 1, 8, 12), theirs.vae.encode(grey).latent_dist.mean * theirs.scale], dim=1
            )
    told = conditions(ours.text(), JOB.prompt, JOB.negative, 4, JOB.size)
    expected = theirs.decoded(theirs.euler(noise * levels[0], levels, told, 5.0, beside))
    assert far(drawn(ours, JOB)[0], expected) <= 1


def test_image_to_image_is_what_diffusers_networks_make(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    theirs = Theirs(ours)
    told = conditions(ours.text(), JOB.prompt, JOB.negative, 3, JOB.size)
    levels = levels_of(4, ours.sigmas)[4 - 2 - 1 :]
    noise = NoiseSource([Seeds(3)], (4, 8, 12), "cpu").first()
    expected = theirs.decoded(theirs.euler(theirs.encoded(photo()) + noise * levels[0], levels, told, 5.0, None))
    job = replace(JOB, start=Prepared(photo(), None), strength=0.5)
    assert far(drawn(ours, job)[0], expected) <= 1


def test_a_picture_is_the_same_again_and_among_others(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    for sampler in ("Euler a", "DPM++ 2M SDE Karras", "DPM++ SDE", "DDIM", "UniPC", "DPM++ 2M"):
        job = replace(JOB, size=(64, 64), steps=3, options=Options(sampler=sampler))
        alone = drawn(ours, job)[0]
        assert np.array_equal(alone, drawn(ours, job)[0]), sampler
        together = drawn(ours, replace(job, seeds=(9, 3)))
        assert far(together[1], alone) <= 1, sampler
        assert far(together[0], alone) > 5, sampler


def test_eta_scales_the_noise_of_the_sampler(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    some, none = (replace(PLAIN, sampler="Euler a", eta=eta) for eta in (0.67, 0.0))
    assert far(drawn(ours, replace(JOB, options=none))[0], drawn(ours, JOB)[0]) <= 1
    assert far(drawn(ours, replace(JOB, options=some))[0], drawn(ours, JOB)[0]) > 5


def test_previews_show_the_picture_so_far_and_stopping_is_at_once(files: dict[str, Path]) -> None:
    reports = list(engine(files["SD1"]).draw(JOB))
    assert [report.step for report in reports] == [1, 2, 3, 4]
    assert {report.total for report in reports} == {4}
    assert all(report.preview is not None and report.preview.shape == (8, 12, 3) for report in reports)
    task = engine(files["SD1"]).draw(JOB)
    assert [report.step for report in islice(task, 2)] == [1, 2]
    task.close()


def test_what_is_outside_the_mask_stays(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 48:] = 255
    start = Prepared(photo(), mask, photo(), mask, (0, 0, 96, 64))
    for fill in ("original", "noise", "nothing"):
        job = replace(JOB, start=start, strength=0.9, options=replace(PLAIN, fill=fill))
        found = drawn(ours, job)[0]
        assert np.array_equal(found[:, :48], photo()[:, :48]), fill
        assert far(found[:, 56:], photo()[:, 56:]) > 20, fill
    soft = drawn(ours, replace(JOB, start=start, strength=0.9, options=replace(PLAIN, soft=True)))[0]
    assert np.array_equal(soft[:, :48], photo()[:, :48])


def test_an_inpainting_model_is_told_the_mask(files: dict[str, Path]) -> None:
    ours = engine(files["nine"])
    mask = np.zeros((64, 96), np.uint8)
    mask[16:48, 16:48] = 255
    seen = watched(ours)
    drawn(ours, replace(JOB, start=Prepared(photo(), mask, photo(), mask, (0, 0, 96, 64)), strength=0.9))
    assert seen[0].shape == (2, 9, 8, 12)
    told = seen[0][0, 4]
    assert told[3, 3] == 1
    assert told[0, 0] == 0
    whole = ours.autoencoder.encode(torch.from_numpy(to_signed(photo()))[None])
    assert far_apart(seen[0][0, 5:], whole[0])


def test_an_inpainting_model_sees_nothing_of_a_picture_that_is_all_drawn_anew(files: dict[str, Path]) -> None:
    ours = engine(files["nine"])
    seen = watched(ours)
    drawn(ours, JOB)
    drawn(ours, replace(JOB, start=Prepared(photo(), None)))
    assert torch.allclose(seen[-1][:, 4:], seen[0][:, 4:])
    drawn(ours, replace(JOB, start=Prepared(photo(), None), options=replace(PLAIN, mask_weight=0.0)))
    whole = ours.autoencoder.encode(torch.from_numpy(to_signed(photo()))[None])
    assert torch.allclose(seen[-1][:1, 5:], whole)


def test_samplers_of_whole_times_see_what_is_kept_without_noise(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 48:] = 255
    latents = ours.autoencoder.encode(torch.from_numpy(to_signed(photo()))[None])
    seen = watched(ours)
    for sampler in ("DDIM", "Euler"):
        seen.clear()
        drawn(ours, replace(JOB, start=Prepared(photo(), mask), options=replace(PLAIN, sampler=sampler)))
        for x in seen:
            assert torch.allclose(x[:1, :, :, :6], latents[..., :6], atol=1e-6) == (sampler == "DDIM")


def test_a_start_picture_of_another_size_is_resized_as_latents(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    latents = ours.autoencoder.encode(torch.from_numpy(to_signed(photo(96, 64)))[None])
    seen = watched(ours)
    job = replace(JOB, start=Prepared(photo(96, 64), None), strength=0.5, options=replace(PLAIN, resize="latent"))
    assert drawn(ours, job)[0].shape == (64, 96, 3)
    sigma = levels_of(4, ours.sigmas)[1]
    noise = NoiseSource([Seeds(3)], (4, 8, 12), "cpu").first()
    resized = torch.nn.functional.interpolate(latents, (8, 12), mode="bilinear")
    assert torch.allclose(seen[0][:1], (resized + sigma * noise) / (sigma**2 + 1) ** 0.5, atol=1e-5)


def test_noise_under_the_mask_is_that_of_the_seed_alone(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    mask = np.full((64, 96), 255, np.uint8)
    seen = watched(ours)
    options = replace(PLAIN, fill="noise", subseed=9, subseed_strength=0.5)
    drawn(ours, replace(JOB, start=Prepared(photo(), mask), options=options))
    sigma = levels_of(4, ours.sigmas)[0]
    noise = NoiseSource([Seeds(3, 9, 0.5)], (4, 8, 12), "cpu").first()
    start = NoiseSource([Seeds(3)], (4, 8, 12), "cpu").first()
    assert torch.allclose(seen[0][:1], (start + sigma * noise) / (sigma**2 + 1) ** 0.5, atol=1e-5)


def far_apart(first: torch.Tensor, second: torch.Tensor) -> bool:
    return float((first - second).abs().max()) > 1e-3


def test_guidance_of_one_and_steps_outside_its_interval_ask_once(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    seen = watched(ours)
    drawn(ours, replace(JOB, guidance=1.0))
    assert [len(x) for x in seen] == [1] * 4
    seen.clear()
    drawn(ours, replace(JOB, options=replace(PLAIN, guide_from=0.25, guide_until=0.75)))
    assert [len(x) for x in seen] == [1, 2, 2, 1]
    seen.clear()
    drawn(ours, replace(JOB, options=replace(PLAIN, skip_below=1.0)))
    assert [len(x) for x in seen] == [2, 2, 2, 1]


def test_ddim_cfgpp_takes_a_scale_of_its_own_and_always_asks_without_the_prompt(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    seen = watched(ours)
    options = replace(PLAIN, sampler="DDIM CFG++")
    drawn(ours, replace(JOB, options=options, guidance=12.5))  # 1, divided as AUTOMATIC1111 does
    assert {len(x) for x in seen} == {2}
    mild = drawn(ours, replace(JOB, options=options, guidance=12.5))[0]
    plain = drawn(ours, replace(JOB, options=replace(PLAIN, sampler="DDIM"), guidance=12.5))[0]
    assert far(mild, plain) > 5


def test_prompts_of_different_lengths_are_asked_one_after_the_other(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    job = replace(JOB, prompt="cat " * 80)
    assert far(drawn(ours, job)[0], drawn(ours, JOB)[0]) > 2
    drawn(ours, replace(JOB, prompt="cat, " * 1500, steps=1))


@pytest.mark.parametrize("upscaler", ["Latent", "Latent (bicubic antialiased)", "Latent (nearest-exact)"])
def test_a_second_drawing_is_larger(files: dict[str, Path], upscaler: str) -> None:
    ours = engine(files["SD1"])
    options = replace(PLAIN, hires=1.5, hires_upscaler=upscaler, hires_steps=3, hires_strength=0.5)
    reports: list[Progress] = []
    found = finish(ours.draw(replace(JOB, options=options)), reports.append)[0]
    assert [report.step for report in reports] == list(range(1, 8))
    assert found.shape == (96, 144, 3)


def test_other_prompts_and_samplers_for_the_second_drawing_are_heeded(files: dict[str, Path]) -> None:
    ours = engine(files["SD1"])
    options = replace(PLAIN, hires=1.5, hires_steps=3)
    job = replace(JOB, size=(64, 64), steps=2, options=options)
    plain = drawn(ours, job)[0]
    changes: tuple[dict[str, Any], ...] = (
        {"hires_prompt": "a dog"},
        {"hires_sampler": "Heun"},
        {"hires_schedule": "Karras"},
    )
    for change in changes:
        assert far(drawn(ours, replace(job, options=replace(options, **change)))[0], plain) > 0, change


def test_as_many_steps_are_made_the_second_time(files: dict[str, Path]) -> None:
    options = replace(PLAIN, hires=1.5, hires_strength=0.5, hires_upscaler="Lanczos")
    reports = list(engine(files["SD1"]).draw(replace(JOB, options=options, upscaler=resampled("Lanczos"))))
    assert [(report.step, report.note) for report in reports] == [
        *((step, "drawing") for step in range(1, 5)),
        (4, "enlarging by Lanczos, 1 of 1"),
        *((step, "drawing larger") for step in range(5, 9)),
    ]
    assert {report.total for report in reports} == {8}


def test_prompts_change_at_steps_of_all_that_are_asked_for(files: dict[str, Path]) -> None:
    """Of 4 steps a start picture skips some, so that the third, at which the prompt changes, is not reached."""
    ours = engine(files["SD1"])
    half = replace(JOB, start=Prepared(photo(), None), strength=0.5, prompt="a cat")
    plain = drawn(ours, half)[0]
    assert np.array_equal(drawn(ours, replace(half, prompt="a [cat:dog:0.5]"))[0], plain)
    assert not np.array_equal(drawn(ours, replace(half, prompt="a [cat:dog:0.25]"))[0], plain)


class Overflowing:
    """An autoencoder whose numbers are too large for what it computes in, one way."""

    def __init__(self, inner: Autoencoder, way: str) -> None:
        self.inner, self.way = inner, way

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        said = self.inner.encode(pictures)
        return said * float("inf") if self.way == "encode" else said

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        said = self.inner.decode(latents)
        return said * float("nan") if self.way == "decode" else said


@pytest.mark.parametrize("way", ["encode", "decode"])
def test_what_overflows_is_said_again_in_full_precision(files: dict[str, Path], way: str) -> None:
    ours = engine(files["SD1"])
    job = replace(JOB, start=Prepared(photo(), None))
    expected = drawn(ours, job)[0]
    asked: list[bool | None] = []
    real = ours.backend.autoencoder

    def autoencoder(*arguments: Any, half: bool | None = None, **more: Any) -> Any:
        asked.append(half)
        return real(*arguments, half=half, **more)

    ours._autoencoder = Overflowing(ours.autoencoder, way)
    ours.backend.autoencoder = autoencoder  # type: ignore[method-assign]  # what a backend would do, and told of
    assert np.array_equal(drawn(ours, job)[0], expected)
    assert asked == [False]


def test_an_autoencoder_that_never_says_anything_finite_is_an_error(files: dict[str, Path], tmp_path: Path) -> None:
    tensors = load_file(files["SD1"])
    tensors["first_stage_model.decoder.conv_out.bias"] = torch.full((3,), 3e38)
    tensors["first_stage_model.decoder.conv_out.weight"] *= 1e38
    save_file(tensors, tmp_path / "spoilt.safetensors")
    with pytest.raises(CheckpointError, match="spoilt says numbers that are not finite"):
        drawn(engine(tmp_path / "spoilt.safetensors"), replace(JOB, steps=1))


def test_a_unet_that_says_nothing_finite_is_an_error(files: dict[str, Path], tmp_path: Path) -> None:
    tensors = load_file(files["SD1"])
    tensors["model.diffusion_model.out.2.bias"] = torch.full((4,), 3e38)
    save_file(tensors, tmp_path / "spoilt.safetensors")
    with pytest.raises(CheckpointError, match="spoilt says numbers that are not finite"):
        drawn(engine(tmp_path / "spoilt.safetensors"), JOB)


def test_tiling_and_kept_features_change_little_but_something(files: dict[str, Path]) -> None:
    plain = drawn(engine(files["SD1"]), JOB)[0]
    for more in ({"tiling": True}, {"keep": 2}):
        found = drawn(engine(files["SD1"], **more), JOB)[0]
        assert found.shape == plain.shape
        assert far(found, plain) > 0


def test_embeddings_are_called_by_name(files: dict[str, Path]) -> None:
    vectors = torch.randn(2, 64)
    networks = Networks(open_checkpoint(files["SD1"]), embeddings=(Embedding("mine", {"text": vectors}),))
    with_it = Engine(networks, TorchBackend(CPU, torch.float32))
    job = replace(JOB, prompt="a mine")
    assert far(drawn(with_it, job)[0], drawn(engine(files["SD1"]), job)[0]) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (60, 64)}, "each side must be a multiple of 8"),
        ({"size": (4096, 4096)}, "million pixels; draw it smaller and use --hires"),
        ({"size": (32, 64)}, "at least 64"),
        ({"steps": 0}, "takes 1 to 150 steps, not 0"),
        ({"steps": 1000}, "takes 1 to 150 steps, not 1000"),
    ],
)
def test_jobs_that_cannot_be_drawn_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(JOB, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": replace(PLAIN, sampler="Eular")}, "No sampler 'Eular'"),
        ({"options": replace(PLAIN, eta=0.5)}, "adds no noise that --eta could scale"),
        (
            {"options": Options(sampler="Euler a", eta=0.5, hires=1.5, hires_sampler="Euler")},
            "Euler adds no noise that --eta could scale",
        ),
        ({"options": replace(PLAIN, hires=1.5), "start": Prepared(photo(), None)}, "for pictures from a prompt alone"),
        ({"options": replace(PLAIN, hires=8.0), "size": (512, 512)}, "A second drawing of 4096x4096 is too large"),
        ({"options": replace(PLAIN, clip_skip=9)}, "The text encoder has 3 layers; clip skip 9 is too much"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    files: dict[str, Path], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        drawn(engine(files["SD1"]), replace(JOB, **change))
