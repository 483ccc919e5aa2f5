"""Consent: who may be recorded, and when a face may be used."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from figment.core.errors import DataError, InputError
from figment.trust import attestation
from figment.trust.chain import Chain
from figment.trust.consent import Consent, ConsentError, Scope, Subject, evidence_hash
from figment.trust.ledger import Ledger

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
FORM = "ab" * 32
ANNA = Consent(Subject.ADULT, "anna", (Scope.TRAIN,), "a short film", FORM, date(2027, 3, 31))
ME = Consent(Subject.SELF, "me", (Scope.TRAIN, Scope.SWAP), "trying it out")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "consent.jsonl")


def test_a_record_comes_back_whole(ledger: Ledger) -> None:
    added = ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    (record,) = ledger.records()
    assert record == added
    assert (record.consent, record.added, record.attested) == (ANNA, NOW, attestation.sha256())
    assert ledger.show("anna") == ledger.show(record.id) == ledger.show(record.record_hash) == (record,)


def test_the_hash_is_that_of_the_line_and_tells_nothing_by_guessing(ledger: Ledger, tmp_path: Path) -> None:
    first, second = (ledger.add(ME, age=30, confirmed=True, now=NOW) for _ in range(2))
    assert first.record_hash != second.record_hash
    body = json.loads((tmp_path / "consent.jsonl").read_bytes().splitlines()[0])
    assert body.pop("hash") == first.record_hash
    assert hashlib.sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest() == first.record_hash


@pytest.mark.parametrize("subject", list(Subject))
def test_minors_are_refused_whoever_they_are(ledger: Ledger, subject: Subject) -> None:
    consent = replace(ANNA, subject=subject)
    for age in (0, 9, 18):
        with pytest.raises(InputError, match="face of a minor cannot be used"):
            ledger.add(consent, age=age, confirmed=True)
    assert ledger.records() == ()
    ledger.add(consent, age=19, confirmed=True, now=NOW)


@pytest.mark.parametrize("subject", [Subject.SELF, Subject.ADULT, Subject.PERFORMER])
def test_a_real_person_has_an_age(ledger: Ledger, subject: Subject) -> None:
    with pytest.raises(InputError, match="Give the age"):
        ledger.add(replace(ANNA, subject=subject), age=None, confirmed=True)


def test_nobody_needs_no_age(ledger: Ledger) -> None:
    ledger.add(Consent(Subject.FICTIONAL, "mona-lisa", (Scope.SWAP,), "a lesson"), age=None, confirmed=True)
    ledger.add(Consent(Subject.SYNTHETIC, "seed 7", (Scope.SWAP,), "a lesson"), age=None, confirmed=True)
    assert ledger.require("mona-lisa", Scope.SWAP).consent.subject is Subject.FICTIONAL


def test_the_statement_must_be_confirmed(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="must be confirmed"):
        ledger.add(ME, age=30, confirmed=False)
    assert ledger.records() == ()


@pytest.mark.parametrize("subject", [Subject.ADULT, Subject.PERFORMER])
def test_other_people_need_evidence(subject: Subject) -> None:
    with pytest.raises(InputError, match="needs evidence"):
        Consent(subject, "anna", (Scope.SWAP,), "a film")


@pytest.mark.parametrize("alias", ["", "a/b", "../x", "a\nb", "x" * 65, "\ud800", "0123456789ab", " a"])
def test_bad_aliases(alias: str) -> None:
    with pytest.raises(InputError, match="cannot be an alias"):
        replace(ME, alias=alias)


def test_korean_aliases() -> None:
    assert replace(ME, alias="홍길동 2").alias == "홍길동 2"


@pytest.mark.parametrize("purpose", ["", "  ", "two\nlines", "x" * 501, "\ud800"])
def test_bad_purposes(purpose: str) -> None:
    with pytest.raises(InputError, match="purpose must say"):
        replace(ME, purpose=purpose)


def test_a_term_that_is_over_cannot_be_recorded(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="2026-11-21 is over"):
        ledger.add(replace(ME, expires=date(2026, 11, 21)), age=30, confirmed=True, now=NOW)
    with pytest.raises(InputError, match="scope is empty"):
        replace(ME, scope=())


def test_require_gives_the_record_until_its_last_day(ledger: Ledger) -> None:
    record = ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    assert ledger.require("anna", Scope.TRAIN, on=date(2027, 3, 31)) == record
    with pytest.raises(ConsentError, match="'anna' ended on 2027-03-31"):
        ledger.require("anna", Scope.TRAIN, on=date(2027, 4, 1))


def test_require_refuses_what_is_missing_or_out_of_scope(ledger: Ledger) -> None:
    with pytest.raises(ConsentError, match=r"no consent for 'anna'.*figment consent add"):
        ledger.require("anna", Scope.TRAIN)
    ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    with pytest.raises(ConsentError, match="allows train, not swap"):
        ledger.require("anna", Scope.SWAP, on=NOW.date())


def test_withdrawing_ends_it_at_once_for_every_day(ledger: Ledger) -> None:
    record = ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    (ended,) = ledger.withdraw("anna", reason="she asked", now=NOW)
    assert ended == replace(record, withdrawn=NOW, reason="she asked") == ledger.records()[0]
    for day in (date(2020, 1, 1), NOW.date(), date(2027, 1, 1)):
        with pytest.raises(ConsentError, match="was withdrawn on 2026-11-22"):
            ledger.require(record.id, Scope.TRAIN, on=day)
    with pytest.raises(ConsentError, match="left to withdraw"):
        ledger.withdraw("anna")


def test_a_renewed_consent_counts_and_the_old_one_stays_ended(ledger: Ledger) -> None:
    old = ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    ledger.withdraw(old.id, now=NOW)
    new = ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    assert ledger.require("anna", Scope.TRAIN, on=NOW.date()) == new
    with pytest.raises(ConsentError, match="withdrawn"):
        ledger.require(old.record_hash, Scope.TRAIN, on=NOW.date())


def test_a_withdrawal_cannot_be_cut_out(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(ANNA, age=41, confirmed=True, now=NOW)
    ledger.withdraw("anna", now=NOW)
    ledger.add(ME, age=30, confirmed=True, now=NOW)
    lines = (tmp_path / "consent.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "consent.jsonl").write_bytes(lines[0] + lines[2])
    with pytest.raises(DataError, match="broken at line 2:"):
        ledger.require("anna", Scope.TRAIN, on=NOW.date())


def test_lines_that_are_no_consent_are_said(ledger: Ledger, tmp_path: Path) -> None:
    Chain(tmp_path / "consent.jsonl").append("consent", {"alias": 3})
    with pytest.raises(DataError, match="is no consent"):
        ledger.records()


def test_evidence(tmp_path: Path) -> None:
    form = tmp_path / "form.pdf"
    form.write_bytes(b"signed")
    assert evidence_hash(form) == hashlib.sha256(b"signed").hexdigest()
    form.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        evidence_hash(form)
    with pytest.raises(InputError, match="Cannot read the evidence"):
        evidence_hash(tmp_path / "none.pdf")


@pytest.mark.parametrize(("page", "text"), [("consent.md", attestation.ENGLISH), ("ko/consent.md", attestation.KOREAN)])
def test_the_pages_show_the_statement_word_for_word(page: str, text: str) -> None:
    shown = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    assert text in " ".join(line.removeprefix("> ") for line in shown.splitlines())
