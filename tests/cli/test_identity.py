"""`figment identity`: what a user types and sees."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from figment.cli.identity import command


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "identity"


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=typed)


def test_shows_the_same_certificate_every_time(home: Path) -> None:
    first, second = run("show"), run("show")
    assert (first.exit_code, first.output) == (0, second.output)
    assert "1 of this installation are trusted; none is on the C2PA trust list" in first.output
    assert stat.S_IMODE((home / "0001" / "key.pem").stat().st_mode) == 0o600


def test_a_rotation_signs_with_another_key_and_keeps_the_old_root(home: Path) -> None:
    before, after = run("show").output, run("rotate", "--yes").output
    assert before.splitlines()[1] != after.splitlines()[1]
    assert "roots       2 of" in after
    assert not (home / "0001" / "key.pem").exists()


def test_without_a_yes_nothing_changes(home: Path) -> None:
    before = run("show").output
    assert run("rotate", typed="n\n").exit_code == 1
    assert run("show").output == before
