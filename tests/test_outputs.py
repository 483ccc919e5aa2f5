"""Whatever command makes a picture, the picture says so: no way past the gallery, by name or by code."""

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.diffusion import made as stable_diffusion

import figment
from figment import families
from figment.cli import COMMANDS
from figment.cli import figment as program
from figment.core.checkpoint import Metadata
from figment.core.config import to_dict
from figment.core.task import finish
from figment.families import ddpm, latent_diffusion
from figment.pixels.files import encode, load
from figment.studio import evaluate
from figment.studio.train import train_run
from figment.training.recipe import Recipe, Stage
from figment.trust.findings import Report
from figment.trust.verify import inspect

TINY = ("--model", "tiny", "--seed", "3", "--steps", "2")
START = ("--init", "start.png")
FIRST = "a cat\nSteps: 2, Sampler: flow, CFG scale: 3, Seed: 3, Size: 32x32, Model: tiny"
MAKES = {
    "create": [["create", "a red apple", *TINY], ["create", "사과", *START, *TINY, "--size", "32"]],
    "reproduce": [["reproduce", "first.png"]],
    "sample": [["sample", "tiny", "-n", "25", "--steps", "2"]],
    "data": [["data", "show", "digits", "-n", "4"]],
    "compare": [["compare", "small", "--data", "digits", "-n", "20"]],
}
"""Commands that make pictures, each with its ways of doing so."""
MAKES_ON_THE_WAY = {"studio", "swap", "train"}
MAKES_NONE = {"consent", "evaluate", "explain", "identity", "models", "verify"}


def made(arguments: list[str], name: str) -> Report:
    """The report on the picture `name` that the command writes."""
    done = CliRunner().invoke(program, [*arguments, "--out", name], catch_exceptions=False, standalone_mode=False)
    shown = done.output if arguments[0] != "compare" else done.output.splitlines(keepends=True)[-1]  # after its table
    assert shown == f"{name}\n"
    return inspect(Path(name))


def grey_model() -> dict[str, Any]:
    """Configuration of a tiny model for pictures of one channel."""
    tiny = to_dict(latent_diffusion.TINY)
    return {**tiny, "autoencoder": {**tiny["autoencoder"], "channels": 1}}


def test_every_command_is_known_to_make_pictures_or_none() -> None:
    assert MAKES.keys() | MAKES_ON_THE_WAY | MAKES_NONE == COMMANDS.keys()


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("arguments", [way for ways in MAKES.values() for way in ways], ids=" ".join)
def test_every_picture_is_signed(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], ending: str
) -> None:
    monkeypatch.setenv("FIGMENT_DATA", str(tiny_run / "data"))
    monkeypatch.setattr(evaluate, "FEATURE_STEPS", 5)
    families.export(
        ddpm.Model(ddpm.TINY), tiny_run / "runs/small/model.safetensors", Metadata("ddpm", to_dict(ddpm.TINY))
    )
    grey = np.full((32, 32, 3), 90, np.uint8)
    (tiny_run / "start.png").write_bytes(encode(grey, "png"))
    (tiny_run / "first.png").write_bytes(encode(grey, "png", text=FIRST))
    report = made(arguments, f"made.{ending}")
    assert report.verdict == "signed"
    assert report.metadata.source_type == report.credentials.source_type != ""
    assert report.watermark.present == (min(load(tiny_run / f"made.{ending}").shape[:2]) >= 128)
    assert report.credentials.facts["watermark"]["present"] == report.watermark.present
    if "data" not in arguments[0]:  # all others show what a model made, on a sheet beside real pictures too
        assert "rainedAlgorithmicMedia" in report.credentials.source_type


def test_a_picture_by_stable_diffusion_is_signed_and_names_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIGMENT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "models/Stable-diffusion").mkdir(parents=True)
    checkpoint = stable_diffusion.write(tmp_path / "models/Stable-diffusion/anything.safetensors")
    drawing = ["create", "a cat", "--model", "anything", "--steps", "1", "--size", "192"]
    first = made(drawing, "start.png")
    assert (first.verdict, first.credentials.source_type) == ("signed", "trainedAlgorithmicMedia")
    assert first.watermark.present
    assert first.credentials.facts["model"]["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    second = made([*drawing, *START], "made.png")
    assert second.credentials.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert [one.relationship for one in second.credentials.ingredients] == ["parentOf"]


def test_a_picture_from_a_picture_names_its_parent_and_keeps_its_credentials(tiny_run: Path) -> None:
    made(["create", "a red apple", *TINY], "start.png")
    report = made(["create", "a red pear", *START, *TINY], "made.png")
    (parent,) = report.credentials.ingredients
    assert (parent.relationship, parent.state, parent.source_type) == ("parentOf", "trusted", "trainedAlgorithmicMedia")
    assert report.credentials.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert [action.name for action in report.credentials.actions] == ["c2pa.opened", "c2pa.edited"]


def test_a_start_picture_that_was_altered_is_reported(tiny_run: Path) -> None:
    made(["create", "a red apple", *TINY], "start.png")
    with (tiny_run / "start.png").open("ab") as file:
        file.write(b"more")
    report = made(["create", "a red pear", *START, *TINY], "made.png")
    assert report.verdict == "altered input"
    assert report.credentials.state == "trusted"


def test_the_prompt_is_in_the_settings_and_not_in_the_credentials(tiny_run: Path) -> None:
    report = made(["create", "a secret garden", *TINY], "made.png")
    assert report.metadata.parameters.startswith("a secret garden\n")
    content = (tiny_run / "made.png").read_bytes()
    start = content.index(b"caBX")
    length = int.from_bytes(content[start - 4 : start], "big")
    assert b"secret" not in content[start : start + length]
    assert len(report.credentials.facts["model"]["sha256"]) == 64


def test_what_a_model_makes_while_it_is_trained_is_signed(tiny_run: Path) -> None:
    recipe = Recipe("small", "latent_diffusion", (Stage("autoencoder", "digits", 2, 2),), grey_model())
    finish(train_run(recipe, tiny_run / "small"))
    report = inspect(tiny_run / "small" / "autoencoder-samples.png")
    assert (report.verdict, report.credentials.source_type) == ("signed", "trainedAlgorithmicMedia")
    assert report.credentials.facts["model"]["name"] == "small"


def test_nothing_turns_it_off() -> None:
    for name in MAKES:
        command = program.get_command(program.make_context("figment", [name], resilient_parsing=True), name)
        assert command is not None
        options = json.dumps(command.to_info_dict(command.make_context(name, [], resilient_parsing=True)))
        assert not any(word in options for word in ("provenance", "unsigned", "watermark", "credentials"))


def imported(source: Path, module: str) -> set[str]:
    """Names that the file `source` imports from `module`."""
    nodes = ast.walk(ast.parse(source.read_text("utf-8")))
    lines = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == module]
    return {alias.name for line in lines for alias in line.names}


PLAIN = {
    "training/journal.py": "a chart of figures, in which no model drew anything",
    "faceswap/faceset.py": "faces as they are in a clip",
    "faceswap/extract.py": "faces as they are in a clip",
    "faceswap/dfl/faces.py": "masks of faces, for DeepFaceLab",
    "faceswap/frames.py": "frames as they are in a clip",
    "server/pictures.py": "masks that clients sent",
    "studio/swap.py": "the first frame of a clip, as an ingredient",
}
"""Where pictures that no model made, or that are marked already, become files."""


def test_only_the_stamp_turns_pixels_into_files() -> None:
    root = Path(figment.__path__[0])
    encoders = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if path.parent.name != "pixels" and ("encode" in imported(path, "figment.pixels.files") or _encodes(path))
    }
    assert encoders == {"trust/stamp.py", *PLAIN}


def _encodes(source: Path) -> bool:
    """Whether `source` calls files.encode, having imported the module."""
    nodes = ast.walk(ast.parse(source.read_text("utf-8")))
    return "files" in imported(source, "figment.pixels") and any(
        isinstance(node, ast.Attribute) and node.attr == "encode" and isinstance(node.value, ast.Name)
        and node.value.id == "files" for node in nodes
    )  # fmt: skip
