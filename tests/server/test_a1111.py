"""AUTOMATIC1111's interface: bodies into jobs, and the refusal of what cannot be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from figment.core.config import from_dict
from figment.core.errors import InputError
from figment.diffusion.options import Options
from figment.server.a1111.answers import info
from figment.server.a1111.bodies import Enlarging, FromPicture, FromPrompt
from figment.server.a1111.extras import parameters
from figment.server.a1111.methods import ALIASES, ENLARGERS, LATENT, NOISY, SCHEDULES, method
from figment.server.a1111.preferences import Values, changed
from figment.server.a1111.texts import filled, styled, styles
from figment.server.a1111.translate import Around, jobs
from figment.server.models import Model
from figment.server.problems import Problem
from figment.studio.jobs.kinds.create import Parameters
from figment.studio.jobs.kinds.enlarge import Parameters as Enlarge
from figment.studio.parameters import Settings, write

CHECKPOINT = Model("anything", Path("anything.safetensors"), None)
OWN = Model("sprites-128", Path("sprites-128.safetensors"), 128)
UPSCALERS = (*LATENT, *ENLARGERS, "esrgan")


def job(body: Mapping[str, Any], model: Model = CHECKPOINT, **values: Any) -> Parameters:
    """The one job of a txt2img body."""
    (made,) = jobs(FromPrompt.model_validate(body), Around(Values(**values), model, UPSCALERS))
    return from_dict(Parameters, made)


def picture_job(body: Mapping[str, Any], mask: str | None = None, model: Model = CHECKPOINT) -> Parameters:
    asked = FromPicture.model_validate({"prompt": "a", **body})
    (made,) = jobs(asked, Around(Values(), model, UPSCALERS), ["uploads/a.png"], mask)
    return from_dict(Parameters, made)


def test_names_are_those_of_the_code_that_draws() -> None:
    from inspect import signature

    from figment.diffusion import schedules, upscalers
    from figment.diffusion.sampling import methods
    from figment.nn import samplers

    assert {label: one.aliases for label, one in methods().items()} == ALIASES
    assert tuple(schedules.SCHEDULES) == SCHEDULES
    assert (tuple(upscalers.LATENT), tuple(upscalers.RESAMPLED)) == (LATENT, ENLARGERS)
    noisy = {label for label in ALIASES if "eta" in signature(samplers.find(label).sample).parameters}
    assert noisy == set(NOISY)


@pytest.mark.parametrize("body", [{}, {"prompt": None}, {"prompt": ""}, {"prompt": " "}])
@pytest.mark.parametrize("model", [CHECKPOINT, OWN])
def test_a_prompt_may_be_left_out(body: dict[str, Any], model: Model) -> None:
    assert job(body, model).request.prompt.strip() == ""


@pytest.mark.parametrize(
    ("sampler", "schedule", "found"),
    [
        ("Euler", None, ("Euler", "")),
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Karras")),
        ("DPM++ 2M Karras", "Automatic", ("DPM++ 2M", "Karras")),
        ("DPM++ 2M Karras", "exponential", ("DPM++ 2M", "Exponential")),
        ("DPM++ 2M SDE Karras", "", ("DPM++ 2M SDE", "Karras")),
        ("k_euler_a", "sgm_uniform", ("Euler a", "SGM Uniform")),
    ],
)
def test_older_names_of_samplers_are_split(sampler: str, schedule: str | None, found: tuple[str, str]) -> None:
    assert method(sampler, schedule) == found


@pytest.mark.parametrize(("sampler", "schedule"), [("Eule", None), ("Euler", "karas"), ("Karras", None)])
def test_unknown_samplers_are_a_bad_request(sampler: str, schedule: str | None) -> None:
    with pytest.raises(Problem, match="not found") as refused:
        method(sampler, schedule)
    assert refused.value.status == 400


def test_defaults_are_those_of_automatic1111() -> None:
    made = job({"prompt": "a cat"})
    assert (made.request.steps, made.request.guidance, made.request.size) == (50, None, "512x512")
    assert (made.options.sampler, made.options.schedule, made.options.rng) == ("Euler", "", "nv")
    assert made.request.model == "anything"


def test_every_setting_arrives() -> None:
    body = {
        "prompt": "a cat <lora:x:1>", "negative_prompt": "dog", "steps": 12, "cfg_scale": 5.5, "width": 640,
        "height": 384, "sampler_name": "Euler a", "scheduler": "karras", "eta": 0.7, "seed": 9, "batch_size": 3,
        "subseed": 4, "subseed_strength": 0.2, "seed_resize_from_w": 512, "seed_resize_from_h": 256, "tiling": True,
        "s_min_uncond": 1.5, "disable_extra_networks": True,
    }  # fmt: skip
    made = job(body, CLIP_stop_at_last_layers=2, randn_source="CPU", eta_noise_seed_delta=31337, sd_vae="fine")
    request, options = made.request, made.options
    assert (request.prompt, request.negative, request.steps, request.guidance) == ("a cat ", "dog", 12, 5.5)
    assert (request.size, request.seed, request.count, options.batch) == ("640x384", 9, 3, 3)
    assert (options.sampler, options.schedule, options.eta) == ("Euler a", "Karras", 0.7)
    assert (options.subseed, options.subseed_strength, options.seed_from) == (4, 0.2, "512x256")
    assert (options.tiling, options.skip_below, options.clip_skip) == (True, 1.5, 2)
    assert (options.rng, options.ensd, options.vae) == ("cpu", 31337, "fine")


def test_eta_is_passed_over_where_no_noise_is_added() -> None:
    assert job({"prompt": "a", "sampler_name": "DPM++ 2M", "eta": 1.0}).options.eta is None


@pytest.mark.parametrize(
    ("given", "factor"),
    [
        ({}, 2),
        ({"hr_scale": 1.5}, 1.5),
        ({"hr_resize_x": 1024}, 2),
        ({"hr_resize_y": 768}, 1.5),
        ({"hr_resize_x": 1024, "hr_resize_y": 1024}, 2),
        ({"firstphase_width": 256, "firstphase_height": 256}, 2),
    ],
)
def test_the_second_drawing_may_be_asked_for_in_any_way(given: dict[str, Any], factor: float) -> None:
    made = job({"prompt": "a", "enable_hr": True, **given})
    assert made.options.hires == factor
    assert made.options.hires_strength == 0.75
    assert made.request.size == ("256x256" if "firstphase_width" in given else "512x512")


def test_the_second_drawing_has_settings_of_its_own() -> None:
    body = {"prompt": "a", "enable_hr": True, "hr_upscaler": "None", "hr_sampler_name": "DPM++ 2M Karras",
            "hr_scheduler": "Use same scheduler", "hr_second_pass_steps": 7, "hr_prompt": "b",
            "denoising_strength": 0.3}  # fmt: skip
    with pytest.raises(Problem, match="Scheduler not found"):
        job(body)
    options = job({**body, "hr_scheduler": None}).options
    assert (options.hires_upscaler, options.hires_sampler, options.hires_schedule) == ("Lanczos", "DPM++ 2M", "Karras")
    assert (options.hires_steps, options.hires_prompt, options.hires_strength) == (7, "b", 0.3)


def test_batches_count_seeds_up_or_second_seeds() -> None:
    body = {"prompt": "a", "seed": 10, "n_iter": 3, "batch_size": 2}
    around = Around(Values(), CHECKPOINT, UPSCALERS)
    made = jobs(FromPrompt.model_validate(body), around)
    assert [one["request"]["seed"] for one in made] == [10, 12, 14]
    mixed = jobs(FromPrompt.model_validate({**body, "subseed": 5, "subseed_strength": 0.1}), around)
    assert [one["request"]["seed"] for one in mixed] == [10, 10, 10]
    assert [one["options"]["subseed"] for one in mixed] == [5, 7, 9]


def test_a_start_picture_and_its_mask() -> None:
    plain = picture_job({"denoising_strength": 0.4, "resize_mode": 2})
    assert (str(plain.request.init), plain.request.strength, plain.options.resize) == ("uploads/a.png", 0.4, "contain")
    assert plain.options.mask_blur == 4
    body = {"mask_blur": 9, "inpainting_fill": 2, "inpaint_full_res_padding": 16, "inpainting_mask_invert": 1}
    masked = picture_job(body, "uploads/m.png")
    assert (str(masked.request.mask), masked.request.strength) == ("uploads/m.png", 0.75)
    options = masked.options
    assert (options.mask_blur, options.fill, options.area) == (9, "noise", "masked")
    assert (options.padding, options.mask_inverted) == (16, True)
    whole = picture_job({"inpaint_full_res": False, "inpaint_full_res_padding": 16}, "uploads/m.png")
    assert (whole.options.area, whole.options.padding) == ("whole", Options().padding)


def test_several_start_pictures_are_a_job_each() -> None:
    body = FromPicture.model_validate({"prompt": "a", "seed": 3})
    made = jobs(body, Around(Values(), CHECKPOINT, UPSCALERS), ["uploads/a.png", "uploads/b.png"])
    assert [(one["request"]["init"], one["request"]["seed"]) for one in made] == [
        ("uploads/a.png", 3),
        ("uploads/b.png", 4),
    ]


def test_figments_own_models_take_what_they_have() -> None:
    made = job({"prompt": "a", "sampler_name": "Euler a", "eta": 1.0, "cfg_scale": 7}, OWN)
    assert made.options == Options()
    assert (made.request.size, made.request.steps, made.request.guidance) == (None, None, 7)
    assert job({"prompt": "a", "width": 256, "height": 64}, OWN).request.size == "256x64"
    for body in ({"enable_hr": True}, {"tiling": True}, {"subseed_strength": 0.5}):
        with pytest.raises(InputError, match="sprites-128 is none"):
            job({"prompt": "a", **body}, OWN)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"script_name": "x/y plot"}, "Script 'x/y plot' not found"),
        ({"alwayson_scripts": {"ControlNet": {"args": []}}}, "always on script ControlNet not found"),
        ({"refiner_checkpoint": "other"}, "refiner_checkpoint"),
        ({"refiner_checkpoint": "other", "refiner_switch_at": 0.8}, "refiner_checkpoint"),
        ({"restore_faces": True}, "restore_faces"),
        ({"s_churn": 3}, "s_churn"),
        ({"n_iter": 32, "batch_size": 16}, "at most 100 pictures"),
        ({"enable_hr": True, "hr_upscaler": "none such"}, "hr_upscaler"),
        ({"enable_hr": True, "hr_checkpoint_name": "other"}, "hr_checkpoint_name"),
        ({"enable_hr": True, "hr_resize_x": 1024, "hr_resize_y": 600}, "proportions"),
    ],
)
def test_what_would_change_the_picture_unseen_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises((InputError, Problem), match=says):
        job({"prompt": "a", **body})


@pytest.mark.parametrize(
    "body",
    [
        {"refiner_checkpoint": "anything.safetensors [9aa0c3e54d]", "refiner_switch_at": 0.8},
        {"refiner_checkpoint": "other", "refiner_switch_at": 1},
        {"refiner_checkpoint": "None"},
        {"enable_hr": True, "hr_checkpoint_name": "anything", "hr_scale": 1},
        {"seed": None, "steps": None, "n_iter": None, "width": None, "restore_faces": None, "script_args": None},
        {"restore_faces": False, "s_churn": 0, "s_tmin": 0, "s_tmax": 0, "s_noise": 1, "alwayson_scripts": {}},
        {"save_images": True, "do_not_save_grid": True, "force_task_id": "task(mine)", "script_args": []},
    ],
)
def test_what_changes_nothing_is_taken(body: dict[str, Any]) -> None:
    made, plain = job({"prompt": "a", **body}), job({"prompt": "a"})
    assert (made.request.steps, made.request.size, made.options) == (50, "512x512", plain.options)


def test_sides_that_latents_cannot_have_are_cut_as_automatic1111_does() -> None:
    assert job({"prompt": "a", "width": 515, "height": 391}).request.size == "512x384"


def test_options_choose_format_and_noise() -> None:
    body = {"prompt": "a", "sampler_name": "Euler a"}
    assert (job(body).format, job(body).options.eta) == ("png", None)
    made = job(body, samples_format="jpg", eta_ancestral=0.5, eta_ddim=0.25)
    assert (made.format, made.options.eta) == ("jpeg", 0.5)
    assert job({"prompt": "a", "sampler_name": "DDIM"}, eta_ancestral=0.5, eta_ddim=0.25).options.eta == 0.25
    assert job({**body, "eta": 0.7}, eta_ancestral=0.5).options.eta == 0.7
    assert job({"prompt": "a", "sampler_name": "DPM++ 2M"}, eta_ancestral=0.5).options.eta is None


def test_extras_say_how_large_and_by_what() -> None:
    body = {"upscaler_1": "esrgan", "upscaler_2": "Nearest", "extras_upscaler_2_visibility": 0.25}
    made = from_dict(Enlarge, parameters(Enlarging.model_validate(body), "uploads/a.png", Values()))
    assert (made.by, made.fill, made.upscaler, made.second, made.share) == (2, "", "esrgan", "Nearest", 0.25)
    assert made.format == "png"
    filling = {"upscaler_1": "Lanczos", "resize_mode": 1, "upscaling_resize_w": 300, "upscaling_resize_h": 200}
    assert parameters(Enlarging.model_validate(filling), "uploads/a.png", Values())["fill"] == "300x200"
    assert parameters(Enlarging(), "uploads/a.png", Values())["by"] == 1
    formats = [parameters(Enlarging(), "a.png", Values(samples_format=one))["format"] for one in ("jpg", "webp")]
    assert formats == ["jpeg", "webp"]
    with pytest.raises(InputError, match="restores faces"):
        parameters(Enlarging(gfpgan_visibility=0.5), "uploads/a.png", Values())


def test_infotext_fills_what_is_left_out() -> None:
    extra = {"Clip skip": "2", "RNG": "CPU", "Hires upscale": "1.5", "Hires upscaler": "Lanczos"}
    said = write(
        Settings("a cat", 12, "DPM++ 2M", 5.0, 77, 640, 512, "Karras", "dog", "anything", strength=0.4, extra=extra)
    )
    body = filled(FromPrompt.model_validate({"prompt": "a hat", "infotext": said, "override_settings": {"x": 1}}))
    assert (body.prompt, body.negative_prompt, body.steps, body.seed) == ("a hat", "dog", 12, 77)
    assert (body.sampler_name, body.scheduler, body.width, body.height) == ("DPM++ 2M", "Karras", 640, 512)
    assert (body.enable_hr, body.hr_scale, body.hr_upscaler, body.denoising_strength) == (True, 1.5, "Lanczos", 0.4)
    assert body.override_settings == {
        "CLIP_stop_at_last_layers": "2", "sd_model_checkpoint": "anything", "randn_source": "CPU", "x": 1
    }  # fmt: skip
    with pytest.raises(InputError, match="infotext"):
        filled(FromPrompt.model_validate({"infotext": said.replace("Steps: 12", "Steps: 9000")}))


def test_styles_are_put_into_the_prompts(tmp_path: Path) -> None:
    assert styles(tmp_path) == {}
    (tmp_path / "styles.csv").write_text(
        'name,prompt,negative_prompt\nink,"ink, {prompt}, paper",\nsharp,sharp,blurry\n'
    )
    body = FromPrompt.model_validate({"prompt": "a cat", "negative_prompt": "dog", "styles": ["ink", "sharp", "gone"]})
    made = styled(body, styles(tmp_path))
    assert (made.prompt, made.negative_prompt) == ("ink, a cat, paper, sharp", "dog, blurry")


def test_options_are_checked_before_they_are_kept(tmp_path: Path) -> None:
    assert (
        changed(Values(), {"sd_model_checkpoint": "sprites-128", "no_such": [1]}, tmp_path).CLIP_stop_at_last_layers
        == 1
    )
    for wrong in ({"CLIP_stop_at_last_layers": 99}, {"sd_model_checkpoint": "../x"}, {"sd_vae": "gone"}):
        with pytest.raises(InputError):
            changed(Values(), wrong, tmp_path)


def test_info_tells_what_the_settings_say() -> None:
    texts = [write(Settings("a", 5, "Euler", 7.0, seed, 64, 64, extra={"Clip skip": "2"})) for seed in (3, 4)]
    told = info(texts)
    assert (told["all_seeds"], told["clip_skip"], told["infotexts"]) == ([3, 4], 2, texts)
    assert info([])["all_seeds"] == []
    assert (told["styles"], info(texts, ["ink"])["styles"]) == ([], ["ink"])


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=20))


@given(st.sampled_from([FromPrompt, FromPicture]), st.data(), st.sampled_from([CHECKPOINT, OWN]))
@settings(max_examples=300, deadline=None)
def test_any_body_becomes_jobs_or_a_refusal(
    kind: type[FromPrompt | FromPicture], data: st.DataObject, model: Model
) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(kind.model_fields)), max_size=6))
    body = {"prompt": "a", **{name: data.draw(VALUES, label=name) for name in names}}
    try:
        asked = kind.model_validate(body)
    except ValidationError:
        return
    try:
        found = jobs(asked, Around(Values(), model, UPSCALERS))
        made = [from_dict(Parameters, one) for one in found]
    except (InputError, Problem):
        return
    assert sum(one.request.count for one in made) == asked.n_iter * asked.batch_size
    assert all(one.request.seed is not None for one in made)
