"""What AUTOMATIC1111's clients send. Fields without meaning here are taken and passed over, as it does with its own."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Asking",
    "Drawing",
    "Enlarging",
    "EnlargingMany",
    "FromPicture",
    "FromPrompt",
    "Interrogating",
    "OnePicture",
]

Text = Annotated[str, Field(max_length=20_000)]
Short = Annotated[str, Field(max_length=300)]
Seed = Annotated[int, Field(ge=-1, lt=2**63)]
Side = Annotated[int, Field(ge=0, le=8192)]
Picture = Annotated[str, Field(max_length=64 * 2**20)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        """Any field may be null, which says as much as leaving it out."""
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


class Drawing(_Body):
    """What txt2img and img2img share; the defaults are AUTOMATIC1111's."""

    prompt: Text = ""
    negative_prompt: Text | None = ""
    styles: Annotated[list[Short], Field(max_length=100)] | None = None
    seed: Seed = -1
    subseed: Seed = -1
    subseed_strength: Annotated[float, Field(ge=0, le=1)] = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: Short | None = None
    sampler_index: Short | None = None
    scheduler: Short | None = None
    batch_size: Annotated[int, Field(ge=1, le=16)] = 1
    n_iter: Annotated[int, Field(ge=1, le=32)] = 1
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    cfg_scale: Annotated[float, Field(ge=0, le=30)] | None = None
    width: Annotated[int, Field(ge=8, le=8192)] = 512
    height: Annotated[int, Field(ge=8, le=8192)] = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    eta: Annotated[float, Field(ge=0, le=2)] | None = None
    s_min_uncond: Annotated[float, Field(ge=0, le=15)] | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: Short | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] | None = None
    script_name: Short | None = None
    script_args: Annotated[list[Any], Field(max_length=1000)] = []
    force_task_id: Short | None = None
    infotext: Annotated[str, Field(max_length=200_000)] | None = None
    denoising_strength: Annotated[float, Field(ge=0, le=1)] | None = None


class FromPrompt(Drawing):
    """POST /sdapi/v1/txt2img."""

    enable_hr: bool = False
    hr_scale: Annotated[float, Field(ge=1, le=8)] = 2
    hr_upscaler: Short | None = None
    hr_second_pass_steps: Annotated[int, Field(ge=0, le=150)] = 0
    hr_resize_x: Side = 0
    hr_resize_y: Side = 0
    hr_checkpoint_name: Short | None = None
    hr_sampler_name: Short | None = None
    hr_scheduler: Short | None = None
    hr_prompt: Text = ""
    hr_negative_prompt: Text = ""
    firstphase_width: Side = 0
    firstphase_height: Side = 0


class FromPicture(Drawing):
    """POST /sdapi/v1/img2img."""

    init_images: Annotated[list[Picture], Field(max_length=16)] | None = None
    mask: Picture | None = None
    resize_mode: Annotated[int, Field(ge=0, le=3)] = 0
    mask_blur: Annotated[int, Field(ge=0, le=64)] | None = None
    mask_blur_x: Annotated[int, Field(ge=0, le=64)] = 4
    mask_blur_y: Annotated[int, Field(ge=0, le=64)] = 4
    mask_round: bool = True
    inpainting_fill: Annotated[int, Field(ge=0, le=3)] = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: Annotated[int, Field(ge=0, le=256)] = 0
    inpainting_mask_invert: Annotated[int, Field(ge=0, le=1)] = 0
    initial_noise_multiplier: float | None = None
    image_cfg_scale: float | None = None
    include_init_images: bool = False


class OnePicture(_Body):
    """POST /sdapi/v1/png-info."""

    image: Picture


class Interrogating(_Body):
    """POST /sdapi/v1/interrogate."""

    image: Picture = ""
    model: Short = "clip"


class Asking(_Body):
    """POST /internal/progress."""

    id_task: Short = ""
    id_live_preview: int = -1
    live_preview: bool = True


class Enlarging(_Body):
    """POST /sdapi/v1/extra-single-image."""

    image: Picture = ""
    resize_mode: Annotated[int, Field(ge=0, le=1)] = 0
    show_extras_results: bool = True
    upscaling_resize: Annotated[float, Field(ge=1, le=8)] = 2
    upscaling_resize_w: Annotated[int, Field(ge=1, le=8192)] = 512
    upscaling_resize_h: Annotated[int, Field(ge=1, le=8192)] = 512
    upscaling_crop: bool = True
    upscaler_1: Short = "None"
    upscaler_2: Short = "None"
    extras_upscaler_2_visibility: Annotated[float, Field(ge=0, le=1)] = 0
    gfpgan_visibility: Annotated[float, Field(ge=0, le=1)] = 0
    codeformer_visibility: Annotated[float, Field(ge=0, le=1)] = 0


class Named(_Body):
    """A picture with its name."""

    data: Picture
    name: Short = ""


class EnlargingMany(Enlarging):
    """POST /sdapi/v1/extra-batch-images."""

    imageList: Annotated[list[Named], Field(min_length=1, max_length=16)]  # as the protocol has it
