"""The "parameters" text: exact round trips, the form other programs expect, and text nobody should trust."""

import contextlib
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figment import __version__
from figment.core.errors import InputError
from figment.studio.parameters import MAX_LENGTH, Settings, read, write

APPLE = Settings(prompt="a red apple", steps=12, sampler="Heun", guidance=3.0, seed=7, width=128, height=96)

# Every character that UTF-8 can hold, with those that the format gives a meaning made likely.
texts = st.text(st.one_of(st.sampled_from('\n\r\t ",:\\'), st.characters(codec="utf-8")), max_size=60)
prompts = st.one_of(
    texts, st.lists(st.sampled_from(["Negative prompt: x", "Steps: 3, Seed: 4", "", "a "])).map("\n".join)
)
names = st.from_regex(r"[A-Za-z가-힣_][A-Za-z0-9 /-]{0,10}[a-z]", fullmatch=True)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    return Settings(
        prompt=draw(prompts),
        steps=draw(st.integers(0, 10**6)),
        sampler=draw(texts),
        guidance=draw(finite),
        seed=draw(st.integers(-(2**63), 2**64 - 1)),
        width=draw(st.integers(1, 10**6)),
        height=draw(st.integers(1, 10**6)),
        schedule=draw(texts),
        negative=draw(prompts),
        model=draw(texts),
        model_hash=draw(texts),
        strength=draw(st.none() | st.floats(0, 1)),
        extra=draw(st.dictionaries(names, texts, max_size=3)),
        version=draw(texts),
    )


@given(any_settings())
def test_settings_come_back_exactly(settings: Settings) -> None:
    assert read(write(settings)) == settings


@given(st.text() | prompts | any_settings().map(write).flatmap(lambda text: st.sampled_from([text[:40], text[9:]])))
def test_any_text_gives_settings_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):
        assert read(write(read(text))) == read(text)


def test_text_has_the_usual_form() -> None:
    settings = replace(
        APPLE, negative="blurry", model="sprites", model_hash="0123456789", strength=0.6, extra={"Style": "3D, flat"}
    )
    assert write(settings) == (
        "a red apple\n"
        "Negative prompt: blurry\n"
        "Steps: 12, Sampler: Heun, CFG scale: 3, Seed: 7, Size: 128x96, Model hash: 0123456789, Model: sprites, "
        f'Denoising strength: 0.6, Style: "3D, flat", Version: figment {__version__}'
    )


def test_text_of_the_web_ui_is_read() -> None:
    settings = read(
        "masterpiece, (cat:1.2),\n<lora:pixel:0.8>\nNegative prompt: lowres,\nbad hands\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1234, Size: 512x768, "
        'Model hash: 6ce0161689, Model: v1-5-pruned, Lora hashes: "pixel: 0a1b, other: 2c3d", Version: v1.10.1'
    )
    assert settings.prompt == "masterpiece, (cat:1.2),\n<lora:pixel:0.8>"
    assert settings.negative == "lowres,\nbad hands"
    assert (settings.steps, settings.sampler, settings.guidance) == (20, "DPM++ 2M", 7.0)
    assert (settings.width, settings.height, settings.seed) == (512, 768, 1234)
    assert settings.schedule == "Karras"
    assert settings.extra == {"Lora hashes": "pixel: 0a1b, other: 2c3d"}
    assert settings.version == "v1.10.1"


def test_values_stand_in_the_order_of_the_web_ui() -> None:
    extra = {"Hires upscale": "2", "RNG": "NV", "Clip skip": "2", "VAE": "fine", "VAE hash": "0123456789"}
    settings = replace(APPLE, schedule="Karras", model="m", model_hash="0123456789", strength=0.5, extra=extra)
    keys = [pair.split(":")[0] for pair in write(settings).split("\n")[-1].split(", ")]
    assert keys == [
        *("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "VAE hash", "VAE"),
        *("Denoising strength", "Clip skip", "RNG", "Hires upscale", "Version"),
    ]


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("ENSD: 31337, Clip skip: 2", {"ENSD": "31337", "Clip skip": "2"}),
        ("Variation seed: 5, Variation seed strength: 0.1", {"Variation seed": "5", "Variation seed strength": "0.1"}),
        ("Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+", {"Hires upscale": "2", "Hires upscaler": "R-ESRGAN 4x+"}),
        ("Mask blur: 4, Inpaint area: Only masked", {"Mask blur": "4", "Inpaint area": "Only masked"}),
        ('TI hashes: "easy: c74b", Unknown: x y', {"TI hashes": "easy: c74b", "Unknown": "x y"}),
        ("Module 1: sdxl_vae, Beta schedule alpha: 0.6", {"Module 1": "sdxl_vae", "Beta schedule alpha": "0.6"}),
    ],
)
def test_texts_of_the_web_ui_and_its_kin_keep_all_they_say(line: str, extra: dict[str, str]) -> None:
    settings = read(
        f"a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, {line}, Version: f2.0.1"
    )
    assert settings.extra == extra
    assert read(write(settings)) == settings


def test_a_prompt_that_looks_like_a_negative_one_is_repeated_as_a_value() -> None:
    text = write(replace(APPLE, prompt="poster\nNegative prompt: none"))
    assert text.endswith('Prompt: "poster\\nNegative prompt: none", Negative prompt: ""')


@pytest.mark.parametrize("key", ["", "x", "Seed", "Size", "Prompt", "a:b", "a,b", "tail ", "two\nlines"])
def test_extra_names_the_format_cannot_hold_are_refused(key: str) -> None:
    with pytest.raises(InputError, match="cannot have an extra value named"):
        write(replace(APPLE, extra={key: "1"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must give Steps, Sampler, CFG scale, Seed, Size"),
        ("a red apple", "no picture settings"),
        (write(APPLE).replace("Seed: 7, ", ""), "must give Seed"),
        (write(APPLE).replace("Steps: 12", "Steps: many"), "steps should be a valid integer"),
        (write(APPLE).replace("Size: 128x96", "Size: 128"), "height should be a valid integer"),
        (write(APPLE).replace("128x96", "128x-4"), "height should be greater than or equal to 1"),
        (write(APPLE).replace("CFG scale: 3", "CFG scale: nan"), "guidance should be a finite number"),
        (write(APPLE).replace("Seed: 7", "Seed: " + "9" * 5000), "seed"),
        (write(APPLE).replace("Heun", r'"\ud800"'), "not valid Unicode"),
        ("x" * (MAX_LENGTH + 1), "at most 200000"),
    ],
)
def test_what_is_not_settings_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(text)


def test_texts_too_long_are_not_written() -> None:
    with pytest.raises(InputError, match="at most 200000"):
        write(replace(APPLE, prompt="x" * MAX_LENGTH))


def test_broken_unicode_is_an_input_error() -> None:
    with pytest.raises(InputError, match="not valid Unicode"):
        write(replace(APPLE, prompt="\ud800"))


@pytest.mark.parametrize("unit", ["aa", "aa:", 'aa:"', 'aa:"\\",', '"\\"', ", ", "a b-", "\n", "\nNegative prompt:"])
def test_reading_takes_time_in_proportion(unit: str) -> None:
    text = unit * (MAX_LENGTH // len(unit))
    start = time.process_time()
    with pytest.raises(InputError):
        read(text)
    assert time.process_time() - start < 2
