"""Stable Diffusion at the command line, with tiny checkpoints of the real layout."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.cli.conftest import Run
from tests.diffusion import made

from figment.diffusion.kinds import Base
from figment.pixels.files import encode, load, read_text
from figment.studio.parameters import read

ON_X86 = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is for x86-64 alone")
SAID = "a cat\nSteps: 2, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64"
FAST = ("--model", "anything", "--steps", "2", "--size", "64", "--seed", "1")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models, to be copied from by links."""
    root = tmp_path_factory.mktemp("shelf")
    made.write(root / "anything.safetensors")
    made.write(root / "xl.safetensors", Base.SDXL)
    down, up = torch.randn(4, 32), torch.randn(32, 4)
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    save_file({f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, root / "miku.safetensors")
    whole = load_file(root / "anything.safetensors")
    vae = {key: one * 1.02 for key, one in whole.items() if key.startswith("first_stage_model.")}
    save_file(vae, root / "fine.safetensors")
    save_file({"emb_params": torch.randn(2, 64)}, root / "mystyle.safetensors")
    save_file({"emb_params": torch.randn(2, 99)}, root / "wrong.safetensors")
    return root


@pytest.fixture(autouse=True)
def models(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder, with models dropped into it."""
    monkeypatch.setenv("FIGMENT_CACHE", str(shelf / "cache"))  # building networks takes most of the time
    monkeypatch.chdir(tmp_path)
    places = {"anything": "Stable-diffusion", "xl": "checkpoints", "miku": "Lora", "fine": "VAE"}
    places |= {"mystyle": "embeddings", "wrong": "embeddings"}
    for name, place in places.items():
        folder = tmp_path / "models" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.safetensors").hardlink_to(shelf / f"{name}.safetensors")


def draw(
    figment: Run, prompt: str, *arguments: str, out: str = "a.png"
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    code, _, err = figment("create", prompt, *FAST, "-o", out, *arguments)
    assert (code, err) == (0, "")
    return load(Path(out))


def test_a_dropped_checkpoint_makes_the_picture_and_says_how(figment: Run) -> None:
    made_first = draw(figment, "masterpiece, 1girl", "--negative", "lowres", "--sampler", "DPM++ 2M Karras")
    assert made_first.shape == (64, 64, 3)
    settings = read(read_text(Path("a.png")))
    assert (settings.sampler, settings.schedule, settings.guidance, settings.steps) == ("DPM++ 2M", "Karras", 7.0, 2)
    assert (settings.model, settings.negative, settings.seed) == ("anything", "lowres", 1)
    assert len(settings.model_hash) == 10
    assert settings.extra["RNG"] == "NV"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--sampler", "Euler a", "--clip-skip", "2", "--rng", "cpu", "--ensd", "31337"),
        ("--subseed", "7", "--subseed-strength", "0.3", "--eta", "0.5", "--sampler", "DPM++ SDE"),
        ("--hires", "1.5", "--hires-steps", "2", "--hires-upscaler", "Lanczos", "--hires-strength", "0.5"),
        ("--vae", "fine", "--tiling", "--guide-until", "0.5"),
        ("--keep-features", "2", "--steps", "4"),
        ("--sampler", "UniPC", "--guidance", "1"),
        pytest.param(("--eight-bit", "--keep-features", "2"), marks=ON_X86),
        ("--few-steps", "lightning"),
    ],
)
def test_a_picture_is_made_again_from_its_file(figment: Run, arguments: tuple[str, ...]) -> None:
    first = draw(figment, "a cat <lora:miku:0.8> in mystyle", *arguments)
    code, out, err = figment("reproduce", "a.png", "-o", "b.png")
    assert (code, out, err) == (0, "b.png\n", "")
    assert np.array_equal(load(Path("b.png")), first)
    assert read(read_text(Path("a.png"))) == read(read_text(Path("b.png")))


def test_few_steps_fill_in_what_is_not_given(figment: Run) -> None:
    assert (
        figment("create", "a cat", "--model", "anything", "--size", "64", "--few-steps", "lcm", "-o", "a.png")[0] == 0
    )
    settings = read(read_text(Path("a.png")))
    assert (settings.sampler, settings.steps, settings.guidance) == ("LCM", 4, 1.5)
    draw(figment, "a cat", "--few-steps", "turbo", "--sampler", "Euler")
    settings = read(read_text(Path("a.png")))
    assert (settings.sampler, settings.schedule, settings.steps, settings.guidance) == ("Euler", "Automatic", 2, 1.0)


@ON_X86
def test_eight_bits_change_the_picture_a_little(figment: Run) -> None:
    exact, other = (draw(figment, "a cat", "--seed", seed).astype(int) for seed in ("1", "2"))
    near = draw(figment, "a cat", "--eight-bit").astype(int)
    assert 0 < np.abs(near - exact).mean() < np.abs(other - exact).mean() / 2
    assert read(read_text(Path("a.png"))).extra["Eight bits"] == "True"


def test_settings_can_be_changed_on_the_way(figment: Run) -> None:
    draw(figment, "a cat")
    code, _, err = figment("reproduce", "a.png", "-o", "b.png", "--set", "steps=3", "--set", "clip_skip=2")
    assert (code, err) == (0, "")
    settings = read(read_text(Path("b.png")))
    assert (settings.steps, settings.extra["Clip skip"]) == (3, "2")


def test_loras_embeddings_and_autoencoders_change_the_picture(figment: Run) -> None:
    plain = draw(figment, "a cat")
    assert not np.array_equal(draw(figment, "a cat<lora:miku:1>"), plain)
    assert "Lora hashes" in read(read_text(Path("a.png"))).extra
    assert np.array_equal(draw(figment, "a cat<lora:miku:0>"), plain)
    assert np.array_equal(draw(figment, "a cat<lora:miku:0.5><lora:miku:0.5>"), draw(figment, "a cat<lora:miku:1>"))
    assert np.array_equal(draw(figment, "a cat<lora:miku:te=0:unet=1>"), draw(figment, "a cat<lora:miku:1>"))
    assert not np.array_equal(draw(figment, "a cat mystyle"), draw(figment, "a cat mystyles"))
    assert not np.array_equal(draw(figment, "a cat", "--vae", "fine"), plain)


def test_a_batch_is_the_same_pictures_with_seeds_that_count_up(figment: Run) -> None:
    draw(figment, "a cat", "--count", "3", "--batch", "2")
    assert [read(read_text(Path(f"a{end}.png"))).seed for end in ("", "-2", "-3")] == [1, 2, 3]
    second = draw(figment, "a cat", "--seed", "2", out="b.png")
    assert int(np.abs(load(Path("a-2.png")).astype(int) - second.astype(int)).max()) <= 1


def test_words_left_open_are_filled_for_every_picture(figment: Run) -> None:
    Path("models/wildcards").mkdir()
    Path("models/wildcards/colour.txt").write_text("red\nblue\ngreen\nblack\n")
    draw(figment, "a __colour__ cat", "--count", "4")
    prompts = [read(read_text(Path(f"a{end}.png"))).prompt for end in ("", "-2", "-3", "-4")]
    assert len(set(prompts)) > 1
    assert all("__" not in prompt for prompt in prompts)
    first = load(Path("a-2.png"))
    assert figment("reproduce", "a-2.png", "-o", "b.png")[0] == 0
    assert np.array_equal(load(Path("b.png")), first)


def picture(high: int = 64, wide: int = 64) -> bytes:
    return encode(np.random.default_rng(0).integers(0, 256, (high, wide, 3), dtype=np.uint8), "png")


def test_a_picture_is_painted_over_and_beyond(figment: Run) -> None:
    Path("start.png").write_bytes(picture())
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    Path("mask.png").write_bytes(encode(mask, "png"))
    draw(figment, "a cat", "--init", "start.png", "--strength", "0.5")
    assert read(read_text(Path("a.png"))).strength == 0.5
    for more in ((), ("--fill", "noise"), ("--area", "masked", "--padding", "4"), ("--soft",), ("--mask-inverted",)):
        draw(figment, "a cat", "--init", "start.png", "--mask", "mask.png", "--mask-blur", "0", *more)
    code, _, err = figment(
        *("create", "a cat", "--model", "anything", "--steps", "2", "--init", "start.png", "-o", "wide.png"),
        *("--extend-left", "32", "--extend-down", "16", "--strength", "1"),
    )
    assert (code, err) == (0, "")
    assert load(Path("wide.png")).shape == (80, 96, 3)


def test_sdxl_is_drawn_as_well(figment: Run) -> None:
    code, _, err = figment("create", "a cat", "--model", "xl", "--steps", "2", "--size", "64", "-o", "a.png")
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x <lora:mika:1>"], "There is no LoRA 'mika'; did you mean miku"),
        (["x <lora:miku:strong>"], "<lora:miku> takes a weight such as 0.8"),
        (["x <hypernet:a:1>"], "<hypernet:a> is not supported; there is <lora:name:weight>"),
        (["x <lora:miku:1>", "--model", "xl"], "miku.safetensors was made for another kind of model"),
        (["x __nothing__"], "There is no wildcard list 'nothing'"),
        (["x wrong"], "The embedding 'wrong' has vectors of width 99"),
        (["x", "--vae", "nothing"], "There is no VAE 'nothing'"),
        (["x", "--size", "4096"], "A picture of 4096x4096 cannot be drawn"),
        (["x", "--size", "65"], "each side must be a multiple of 8"),
        (["x", "--steps", "0"], "steps should be greater than or equal to 1"),
        (["x", "--steps", "2000"], "steps should be less than or equal to 1000"),
        (["x", "--strength", "1.5", "--init", "start.png"], "strength should be less than or equal to 1"),
        (["x", "--strength", "0.5"], "A strength needs the picture that it redoes"),
        (["x", "--mask", "start.png"], "A mask needs the picture that it masks"),
        (["x", "--mask-blur", "9", "--init", "start.png"], "--mask-blur is for a mask: give --mask as well"),
        (["x", "--hires-prompt", "y"], "--hires-prompt is for a second drawing: give --hires as well"),
        (["x", "--resize", "stretch"], "--resize is for a start picture: give --init as well"),
        (["x", "--subseed", "5"], "--subseed is for a mixture of noises: give --subseed-strength as well"),
        (["x", "--padding", "9", "--init", "start.png", "--mask", "start.png"], "--padding is for a masked part"),
        (["x", "--hires-steps", "9"], "--hires-steps is for a second drawing: give --hires as well"),
        (["x", "--hires", "2", "--init", "start.png"], "--hires is for pictures from a prompt alone"),
        (["x", "--hires", "2", "--hires-upscaler", "none"], "There is no upscaler 'none'"),
        (["x", "--extend-left", "8"], "There is no picture to extend"),
        (["x", "--sampler", "Eular"], "No sampler 'Eular'"),
        (["x", "--schedule", "linear"], "No schedule 'linear'"),
        (["x", "--sampler", "Euler", "--eta", "1"], "adds no noise that --eta could scale"),
        (["x", "--model", "anythin"], "There is no model 'anythin'; did you mean anything"),
        (["x", "--model", "lora.safetensors"], "is a LoRA, not a checkpoint"),
        (["x", "--model", "page.safetensors"], "is a web page, not a model"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_file(
    figment: Run, shelf: Path, arguments: list[str], said: str
) -> None:
    Path("start.png").write_bytes(picture())
    Path("lora.safetensors").write_bytes((shelf / "miku.safetensors").read_bytes())
    Path("page.safetensors").write_text("<!doctype html>")
    code, shown, err = figment("create", arguments[0], *FAST, "-o", "a.png", *arguments[1:])
    assert (code, shown) == (2, "")
    assert err.startswith("Error: ")
    assert said in err
    assert err.count("\n") == 1
    assert not Path("a.png").exists()


@pytest.mark.parametrize("shade", [0, 255])
def test_masks_of_one_shade_are_taken_at_their_word(figment: Run, shade: int) -> None:
    Path("start.png").write_bytes(picture())
    Path("mask.png").write_bytes(encode(np.full((64, 64), shade, np.uint8), "png"))
    drawn = draw(figment, "a cat", "--init", "start.png", "--mask", "mask.png", "--strength", "1")
    far = np.abs(drawn.astype(int) - load(Path("start.png")).astype(int))
    assert (far.mean() > 10) == (shade == 255)  # the watermark alone changes a black mask's picture


def test_brackets_that_do_not_match_are_words(figment: Run) -> None:
    draw(figment, "((a cat [and: a dog) (")
    draw(figment, "cat, " * 1000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no settings"),
        (
            "a cat\nSteps: 2, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Model: gone",
            "There is no model 'gone'",
        ),
        (SAID, "names no model"),
        (f"{SAID}, Model: anything".replace("Euler", "Odd"), "No sampler 'Odd'"),
        (f"{SAID}, Model: anything, Emphasis: No norm", "was made with Emphasis, which is not supported here"),
        (f"{SAID}, Model: anything, ControlNet 0: x", "was made with ControlNet 0, which is not supported here"),
        (f"{SAID}, Model: anything, Denoising strength: 0.5", "was made from another one"),
    ],
)
def test_what_cannot_be_made_again_is_said(figment: Run, text: str, said: str) -> None:
    Path("old.png").write_bytes(encode(np.zeros((64, 64, 3), np.uint8), "png", text=text))
    code, shown, err = figment("reproduce", "old.png", "-o", "b.png")
    assert (code, shown) == (2, "")
    assert said in err
    assert not Path("b.png").exists()


def test_models_are_listed_with_what_they_are(figment: Run) -> None:
    code, out, _ = figment("models")
    assert code == 0
    for name, kind in (
        ("anything", "SD1.x"),
        ("xl", "SDXL"),
        ("miku", "LoRA"),
        ("fine", "VAE"),
        ("mystyle", "embedding"),
    ):
        assert any(name in line and kind in line for line in out.splitlines()), name
