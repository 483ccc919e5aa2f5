"""`figment data`: what there is, and how it looks."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from figment.cli.data import command
from figment.core.errors import InputError
from figment.pixels.files import encode, load


def run(*arguments: str) -> str:
    """What the command prints; what it raises is raised here."""
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False, standalone_mode=False).output


def test_list_tells_licences_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_DATA", str(tmp_path))
    lines = {line.split()[0]: line for line in run("list").splitlines()}
    assert "1618 examples  BSD-3-Clause" in lines["digits"]
    assert "missing: There is no sprite pack" in lines["sprites"]
    assert "figment data build sprites" in lines["scenes:heldout"]
    assert lines["folder:PATH"].endswith("yours")


def test_show_draws_the_first_examples_over_their_classes(tmp_path: Path) -> None:
    path = tmp_path / "digits.png"
    assert run("show", "digits", "-n", "5", "-o", str(path)).strip() == str(path)
    sheet = load(path)
    assert sheet.shape[1] > 3 * 96  # three columns of digits that are 8 pixels wide, enlarged twelve times
    blocks = sheet[8:104, 8:104].reshape(8, 12, 8, 12, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() < 32  # the watermark is on them
    assert np.ptp(blocks) > 200


def test_show_writes_captions_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(encode(np.full((100, 100, 3), 200, np.uint8), "png"))
    (folder / "a.txt").write_text("a grey square")
    run("show", f"folder:{folder}", "-n", "1", "--size", "96", "-o", str(tmp_path / "captioned.png"))
    (folder / "a.txt").unlink()
    run("show", f"folder:{folder}", "-n", "1", "--size", "96", "-o", str(tmp_path / "plain.png"))
    captioned, plain = load(tmp_path / "captioned.png"), load(tmp_path / "plain.png")
    assert captioned.shape == plain.shape
    assert np.array_equal(captioned[:104], plain[:104])
    assert captioned[104:].min() < 100 < plain[104:].min()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "words", "--share-alike"], "leave it out for words"),
        (["show", "nothing", "-o", "x.png"], "No data set 'nothing'"),
        (["show", "digits", "-o", "x.gif"], "must end in one of .png"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(*arguments)
