"""`figment consent`: what a user types and sees."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from figment.cli.consent import SCOPES, SUBJECTS, command
from figment.core.errors import InputError
from figment.trust import attestation
from figment.trust.consent import ConsentError, Scope, Subject
from figment.trust.ledger import Ledger

ME = ("add", "me", "--subject", "self", "--scope", "swap", "--purpose", "trying it out")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str, typed: str | None = None) -> Result:
    """What the command prints; what it raises is raised here."""
    return CliRunner().invoke(command, list(arguments), input=typed, catch_exceptions=False, standalone_mode=False)


def test_choices_are_those_of_the_ledger() -> None:
    assert (tuple(Subject), tuple(Scope)) == (SUBJECTS, SCOPES)


def test_the_statement_is_shown_and_asked_for(home: Path) -> None:
    result = run(*ME, "--age", "30", typed="y\n")
    assert attestation.ENGLISH in result.stderr
    assert attestation.KOREAN in result.stderr
    assert result.stdout.split()[1:4] == ["me", "self", "swap"]
    assert (home / "consent.jsonl").is_file()


def test_no_is_no(home: Path) -> None:
    with pytest.raises(InputError, match="must be confirmed"):
        run(*ME, "--age", "30", typed="n\n")
    assert not (home / "consent.jsonl").exists()


def test_the_statement_is_shown_to_those_who_confirm_beforehand() -> None:
    assert attestation.KOREAN in run(*ME, "--age", "30", "--i-confirm").stderr


def test_evidence_is_hashed_and_the_age_is_not_kept(tmp_path: Path, home: Path) -> None:
    (tmp_path / "form.pdf").write_bytes(b"signed by Anna")
    adult = ("add", "anna", "--subject", "adult", "--scope", "train", "--scope", "swap", "--purpose", "a film")
    run(*adult, "--evidence", str(tmp_path / "form.pdf"), "--age", "47", "--expires", "2099-12-31", "--i-confirm")
    assert "until 2099-12-31" in run("list").stdout
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["scope"] == ["train", "swap"]
    assert len(listed["evidence"]) == 64
    kept = (home / "consent.jsonl").read_text(encoding="utf-8")
    assert "47" not in {str(value) for value in json.loads(kept).values()}
    assert "signed by Anna" not in kept


def test_show_and_withdraw() -> None:
    record = run(*ME, "--age", "30", "--i-confirm").stdout.split()[0]
    shown = run("show", record).stdout
    assert "until withdrawn" in shown
    assert "trying it out" in shown
    assert "withdrawn 20" in run("withdraw", "me", "--reason", "enough").stdout
    assert "enough" in run("show", "me").stdout
    with pytest.raises(ConsentError, match="left to withdraw"):
        run("withdraw", "me")


def test_a_withdrawal_names_what_was_made_with_the_face(tmp_path: Path) -> None:
    run(*ME, "--age", "30", "--i-confirm")
    (tmp_path / "result.mp4").write_bytes(b"a clip")
    output = Ledger().note_output(tmp_path / "result.mp4", Ledger().records())
    assert f"made with it on {output.made.date()}: {tmp_path / 'result.mp4'}\n" in run("withdraw", "me").stdout


def test_an_empty_ledger_says_how_to_begin() -> None:
    assert "figment consent add" in run("list").stdout
    with pytest.raises(ConsentError, match="no consent 'me'"):
        run("show", "me")
