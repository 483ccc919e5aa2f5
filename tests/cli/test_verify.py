"""`figment verify`: exit code 0 whatever is found, 2 for what cannot be read."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from figment.cli.verify import command
from figment.pixels.errors import PixelError
from figment.pixels.files import encode


def run(*arguments: str) -> str:
    """What the command prints; what it raises, other than to end well, is raised here."""
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False, standalone_mode=False).output


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.png"
    path.write_bytes(encode(np.zeros((300, 300, 3), np.uint8), "png"))
    return path


def test_a_plain_picture_is_nothing_found(plain: Path) -> None:
    said = run(str(plain))
    assert said.startswith(f"{plain}: Nothing found; that proves nothing")
    assert [line.split(":")[0] for line in said.splitlines()[1:]] == ["  Credentials", "  Watermark", "  Metadata"]


def test_several_files_as_json_and_as_a_page(plain: Path, tmp_path: Path) -> None:
    lines = run(str(plain), str(plain), "--json", "--html", str(tmp_path / "report.html")).splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["nothing", "nothing"]
    assert (tmp_path / "report.html").read_text().count("<article>") == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.png", None, "There is no file"),
        ("empty.png", b"", "not a PNG, JPEG, WebP or GIF picture"),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd", "not a PNG, JPEG, WebP or GIF picture"),
        ("half.png", encode(np.zeros((300, 300, 3), np.uint8), "png")[:100], "is a damaged picture"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PixelError, match=said):
        run(str(tmp_path / name))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PixelError, match="Cannot read"):
        run(str(tmp_path))
