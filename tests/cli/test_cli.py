"""The command line as its user meets it: exit codes, one sentence on stderr, files that are there or not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

from figment.cli import main
from figment.pixels.files import encode, load

TINY = ("--model", "runs/tiny", "--seed", "1", "--steps", "2")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_help_loads_no_tensor_library() -> None:
    code = (
        "import sys; from figment.cli import main; sys.argv = ['figment', {}]\n"
        "try: main()\n"
        "finally: print('heavy:', sorted({{'torch', 'diffusers', 'numpy', 'PIL'}} & sys.modules.keys()))"
    )
    for arguments in ("'--help'", "'create', '--help'", "'train', '--help'", "'data', 'build', '--help'"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(arguments)], capture_output=True, text=True, check=True
        )
        assert "Usage: figment" in done.stdout
        assert done.stdout.endswith("heavy: []\n")


def test_families_are_explained_in_both_languages(figment: Run) -> None:
    told = {language: figment("explain", "gan", "--lang", language) for language in ("en", "ko")}
    assert told["en"] == figment("explain", "gan")
    assert told["en"][1].startswith("Generative adversarial network: a generator")
    assert told["ko"][1].startswith("생성적 적대 신경망(GAN): 생성기는")
    assert "프리셋: classic, large.\n" in told["ko"][1]
    assert "\n  penalty=" in told["ko"][1]
    assert "Weight of the critic's squared gradients at pictures" in told["en"][1]
    assert "prior={width = 192, depth = 6, heads = 6, dropout = 0.1}" in figment("explain", "vqvae")[1]
    assert "잠재 확산 모델: 문장이 그림이 됩니다." in figment("explain", "--lang", "ko")[1]
    assert figment("explain", "gan", "--lang", "fr")[0] == 2


def test_create_writes_the_picture_and_prints_where(figment: Run, tiny_run: Path) -> None:
    assert figment("create", "a red apple", "-o", "apple.png", *TINY) == (0, "apple.png\n", "")
    assert load(tiny_run / "apple.png").shape == (32, 32, 3)
    again = figment("create", "a red apple", "-o", "again.png", *TINY)
    assert again[0] == 0
    assert np.array_equal(load(tiny_run / "apple.png"), load(tiny_run / "again.png"))


def test_create_in_korean_counts_and_files_by_date(figment: Run, tiny_run: Path) -> None:
    code, out, _ = figment("create", "빨간 사과", "--count", "2", *TINY)
    assert code == 0
    paths = out.splitlines()
    assert len(paths) == 2
    assert all(path.startswith("outputs/") and (tiny_run / path).is_file() for path in paths)


def test_create_starts_from_a_picture_and_keeps_what_the_mask_does_not_show(figment: Run, tiny_run: Path) -> None:
    start = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[:, 16:] = 255
    (tiny_run / "start.png").write_bytes(encode(start, "png"))
    (tiny_run / "mask.png").write_bytes(encode(mask, "png"))
    code, _, err = figment("create", "x", "--init", "start.png", "--mask", "mask.png", "-o", "new.png", *TINY)
    assert (code, err) == (0, "")
    made = load(tiny_run / "new.png")
    assert np.array_equal(made[:, :16], start[:, :16])
    assert not np.array_equal(made[:, 16:], start[:, 16:])


@pytest.mark.parametrize("strength", ["0", "1"])
def test_strength_at_its_ends(figment: Run, tiny_run: Path, strength: str) -> None:
    (tiny_run / "start.png").write_bytes(encode(np.zeros((32, 32, 3), np.uint8), "png"))
    code, out, err = figment("create", "x", "--init", "start.png", "--strength", strength, "-o", "new.png", *TINY)
    assert (code, out, err) == (0, "new.png\n", "")


def write_bad_files(folder: Path) -> None:
    picture = encode(np.zeros((32, 32, 3), np.uint8), "png")
    (folder / "start.png").write_bytes(picture)
    (folder / "broken.png").write_bytes(picture[:60])
    (folder / "mask.png").write_bytes(encode(np.zeros((16, 16), np.uint8), "png"))
    weights = (folder / "runs/tiny/model.safetensors").read_bytes()
    (folder / "corrupt.safetensors").write_bytes(weights[: len(weights) // 2])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["", *TINY], "prompt should be a sentence", id="empty prompt"),
        pytest.param(["  ", *TINY], "prompt should be a sentence", id="blank prompt"),
        pytest.param(["x" * 30_000, *TINY], "prompt string should have at most 20000 characters", id="long prompt"),
        pytest.param(["x", "--size", "33", *TINY], "multiples of 16, not 33x33", id="size not a multiple"),
        pytest.param(["x", "--size", "0", *TINY], "makes pictures of 16 to 64 pixels a side", id="size 0"),
        pytest.param(["x", "--size", "100000", *TINY], "not 100000x100000", id="size 100000"),
        pytest.param(["x", "--size", "big", *TINY], "size string should match", id="size not a number"),
        pytest.param(["x", "--init", "missing.png", *TINY], "There is no picture missing.png", id="missing init"),
        pytest.param(["x", "--init", "broken.png", *TINY], "broken.png is a damaged picture", id="broken init"),
        pytest.param(
            ["x", "--init", "start.png", "--mask", "mask.png", *TINY],
            "The mask is 16x16 pixels and the picture 32x32",
            id="mask of another size",
        ),
        pytest.param(["x", "--mask", "mask.png", *TINY], "give --init as well", id="mask without init"),
        pytest.param(["x", "--model", "nothing"], "There is no model 'nothing'; there are:", id="unknown model"),
        pytest.param(["x", "--model", "corrupt.safetensors"], "is cut off: ", id="corrupt weights"),
        pytest.param(["x", "--steps", "0", "--model", "runs/tiny"], "steps should be greater than", id="no steps"),
        pytest.param(["x", "--out", "apple.gif", *TINY], "must end in one of .png", id="unknown format"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_file(
    figment: Run, tiny_run: Path, arguments: list[str], said: str
) -> None:
    write_bad_files(tiny_run)
    before = files(tiny_run)
    out = [] if "--out" in arguments else ["--out", "apple.png"]
    code, shown, err = figment("create", *arguments, *out)
    assert (code, shown) == (2, "")
    assert err.startswith("Error: ")
    assert said in err
    assert err.count("\n") == 1
    assert files(tiny_run) == before


def test_debug_shows_the_traceback(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["figment", "--debug", "create", "x", "--model", "nothing"])
    with pytest.raises(Exception, match="There is no model 'nothing'"):
        main()


def test_a_full_disk_is_one_sentence_and_leaves_no_part_of_a_file(tiny_run: Path) -> None:
    before = files(tiny_run)
    command = f"ulimit -f 1; {sys.executable} -m figment create x --size 64 -o apple.png {' '.join(TINY)}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Cannot write apple.png: ")
    assert done.stderr.count("\n") == 1
    assert files(tiny_run) == before


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_keeps_whole_pictures_and_ends_with_130(tiny_run: Path, stop: signal.Signals) -> None:
    before = files(tiny_run)
    command = [sys.executable, "-m", "figment", "create", "x", "--count", "100", "--model", "runs/tiny", "-o", "a.png"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (tiny_run / "a.png").exists():
        assert process.poll() is None, "it ended before the first picture"
        time.sleep(0.02)
    os.kill(process.pid, stop)
    _, err = process.communicate()
    assert (process.returncode, err.strip()) == (130, "Stopped.")
    made = sorted(files(tiny_run) - before)
    assert 1 <= len(made) < 100
    assert all(load(tiny_run / name).shape == (32, 32, 3) for name in made)


def test_sample_draws_a_grid(figment: Run, tiny_run: Path) -> None:
    code, out, err = figment("sample", "tiny", "-n", "5", "--steps", "2", "--prompt", "a red apple", "-o", "grid.png")
    assert (code, out, err) == (0, "grid.png\n", "")
    assert load(tiny_run / "grid.png").shape == (2 + 2 * 34, 2 + 3 * 34, 3)


def test_models_lists_the_run_with_its_licences(figment: Run, tiny_run: Path) -> None:
    code, out, _ = figment("models")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("tiny ")]
    assert "latent_diffusion" in line
    assert "CC0-1.0" in line


def test_train_runs_a_family_and_refuses_what_it_does_not_know(figment: Run, tiny_run: Path) -> None:
    code, _, err = figment("train", "gam", "--data", "digits")
    assert code == 2
    assert err.startswith("Error: No model family 'gam'; there are: ")
    for setting, said in (("paired", "--set takes NAME=VALUE, such as"), ("blocks=9", "blocks should be less than")):
        code, _, err = figment("train", "gan", "--data", "digits", "--set", setting)
        assert code == 2
        assert err.startswith(f"Error: {said}")
        assert err.count("\n") == 1
    assert not (tiny_run / "runs/gan").exists()
    (tiny_run / "small.toml").write_text(
        'name = "small"\nfamily = "latent_diffusion"\n'
        'stages = [{name = "features", data = "digits", steps = 1, batch = 2, image_size = 32}]\n'
        "[model]\nimage_size = 32\nfeature_width = 8\nfeature_classes = 16\n"
        "autoencoder = {width = 8, blocks = 1, channels = 1}\ntext = {width = 32, depth = 1, heads = 2}\n"
        "transformer = {width = 32, depth = 1, heads = 2}\n"
    )
    assert figment("train", "small.toml") == (0, "runs/small/model.safetensors\n", "")
