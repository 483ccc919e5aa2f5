"""Consent at the gate of a swap: what is refused, with which words, and what passes."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.faceswap.made_faces import face, picture

from figment.core.errors import DataError
from figment.faceswap.workspace import Workspace
from figment.studio.swap_consent import DECLARED, allowed, declare, note_output
from figment.trust.consent import Consent, ConsentError, Record, Scope, Subject
from figment.trust.ledger import Ledger

BOTH = (Scope.TRAIN, Scope.SWAP)
ANNA = Consent(Subject.PERFORMER, "anna", BOTH, "a short film", "ab" * 32, date(2999, 1, 1))
BORIS = replace(ANNA, alias="boris")
FACES = 60


def direction(person: int, seed: int, spread: float = 0.02) -> NDArray[np.float32]:
    """(128,) of length 1 near that of a person; different people's have a cosine of 0.85."""
    likeness = np.full(128, 0.5)
    likeness[person * 20 : person * 20 + 20] += 0.5 * np.sqrt(3.5)
    made = likeness + np.random.default_rng(seed).normal(0, spread, 128)
    return (made / np.linalg.norm(made)).astype(np.float32)


def filled(root: Path, side: str, persons: list[int]) -> None:
    """A side with a clip and one face in each frame, of those `persons`."""
    root.mkdir(exist_ok=True)
    (root / f"data_{side}.mp4").write_bytes(side.encode())
    faceset = Workspace(root).side(side).faceset
    faceset.add_files(
        (face(f"{number:05d}_0.png", frame=number, embedding=direction(person, number)), b"")
        for number, person in enumerate(persons)
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "consent.jsonl")


@pytest.fixture
def records(ledger: Ledger) -> tuple[Record, Record]:
    return ledger.add(ANNA, age=30, confirmed=True), ledger.add(BORIS, age=40, confirmed=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Person 0 is put over person 1."""
    filled(tmp_path / "work", "src", [0] * FACES)
    filled(tmp_path / "work", "dst", [1] * FACES)
    return Workspace(tmp_path / "work")


def test_two_records_let_both_faces_pass(workspace: Workspace, ledger: Ledger, records: tuple[Record, Record]) -> None:
    declare(workspace, "anna", records[1].id, ledger=ledger)
    for scope in Scope:
        grants = allowed(Workspace(workspace.root), scope, ledger=ledger)
        assert (grants.src, grants.dst) == records
    both = "".join(f"{record.record_hash}\n" for record in records)
    assert grants.sha256 == hashlib.sha256(both.encode()).hexdigest()


def test_without_a_name_nothing_passes(workspace: Workspace, ledger: Ledger) -> None:
    with pytest.raises(ConsentError, match="No consent is named for the faces"):
        allowed(workspace, Scope.TRAIN, ledger=ledger)


@pytest.mark.parametrize(("src", "dst"), [("anna", "nobody"), ("nobody", "boris")])
def test_a_name_that_stands_for_no_record_is_refused(
    workspace: Workspace, ledger: Ledger, records: tuple[Record, Record], src: str, dst: str
) -> None:
    with pytest.raises(ConsentError, match="There is no consent 'nobody'"):
        declare(workspace, src, dst, ledger=ledger)
    assert not (workspace.root / DECLARED).exists()
    assert records


@pytest.mark.parametrize("side", ["src", "dst"])
def test_what_a_record_does_not_allow_is_refused_on_either_side(
    workspace: Workspace, ledger: Ledger, records: tuple[Record, Record], side: str
) -> None:
    ledger.add(replace(ANNA, alias="cleo", scope=(Scope.TRAIN,)), age=30, confirmed=True)
    declare(workspace, *(("cleo", "boris") if side == "src" else ("anna", "cleo")), ledger=ledger)
    allowed(workspace, Scope.TRAIN, ledger=ledger)
    with pytest.raises(ConsentError, match=rf"face of data_{side} may not be used. .*'cleo' allows train, not swap"):
        allowed(workspace, Scope.SWAP, ledger=ledger)
    assert records


def test_a_record_that_has_ended_is_refused(workspace: Workspace, ledger: Ledger) -> None:
    ago = datetime.now(UTC) - timedelta(days=9)
    old = ledger.add(replace(ANNA, expires=(ago + timedelta(days=1)).date()), age=30, confirmed=True, now=ago)
    ledger.add(BORIS, age=40, confirmed=True)
    with pytest.raises(ConsentError, match="'anna' ended on"):
        declare(workspace, "anna", "boris", ledger=ledger)
    new = ledger.add(ANNA, age=30, confirmed=True)
    declare(workspace, "anna", "boris", ledger=ledger)
    assert allowed(workspace, Scope.SWAP, ledger=ledger).src == new != old


def test_a_withdrawal_stops_what_was_allowed_and_names_what_was_made(
    workspace: Workspace, ledger: Ledger, records: tuple[Record, Record], tmp_path: Path
) -> None:
    declare(workspace, "anna", "boris", ledger=ledger)
    result = tmp_path / "result.mp4"
    result.write_bytes(b"a clip")
    made = note_output(allowed(workspace, Scope.SWAP, ledger=ledger), result, ledger=ledger)
    assert (made.path, made.sha256) == (str(result), hashlib.sha256(b"a clip").hexdigest())
    assert ledger.outputs(records[0]) == ledger.outputs(records[1]) == (made,)
    ledger.withdraw("anna")
    ledger.add(ANNA, age=30, confirmed=True)  # a new record is for what is named with it, not for what was
    for scope in Scope:
        with pytest.raises(ConsentError, match=rf"was withdrawn on .*Made under it: {result}\."):
            allowed(workspace, scope, ledger=ledger)


def test_an_output_that_is_made_again_is_noted_once(
    ledger: Ledger, records: tuple[Record, Record], tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"one")
    first = ledger.note_output(tmp_path / "a.mp4", records)
    assert ledger.note_output(tmp_path / "a.mp4", records) == first
    (tmp_path / "a.mp4").write_bytes(b"two")
    ledger.note_output(tmp_path / "a.mp4", records[:1])
    assert [len(ledger.outputs(record)) for record in records] == [2, 1]
    assert ledger.records() == records


def test_a_clip_that_is_exchanged_needs_its_own_consent(
    workspace: Workspace, ledger: Ledger, records: tuple[Record, Record]
) -> None:
    declare(workspace, "anna", "boris", ledger=ledger)
    (workspace.root / "data_dst.mp4").write_bytes(b"somebody else")
    with pytest.raises(ConsentError, match=r"data_dst.mp4 is not the one that consent was named for"):
        allowed(Workspace(workspace.root), Scope.SWAP, ledger=ledger)
    assert records


def test_clearing_a_workspace_takes_what_was_named_along(
    workspace: Workspace, ledger: Ledger, records: tuple[Record, Record]
) -> None:
    declare(workspace, "anna", "boris", ledger=ledger)
    workspace.clear()
    with pytest.raises(ConsentError, match="No consent is named"):
        allowed(workspace, Scope.SWAP, ledger=ledger)
    assert records


@pytest.mark.parametrize("others", [1, 30])
def test_a_second_person_in_the_source_stops_it_and_the_frames_are_named(
    tmp_path: Path, ledger: Ledger, records: tuple[Record, Record], others: int
) -> None:
    filled(tmp_path / "work", "src", [0] * (FACES - others) + [2] * others)
    filled(tmp_path / "work", "dst", [1] * FACES)
    workspace = Workspace(tmp_path / "work")
    declare(workspace, "anna", "boris", ledger=ledger)
    first = FACES - others if others == 1 else 0  # of two halves, either may be called the other
    with pytest.raises(ConsentError, match=rf"{others} of 60 faces of data_src .* another person's.* frames \d+"):
        allowed(workspace, Scope.TRAIN, ledger=ledger)
    workspace.src.faceset.drop([f"{number:05d}_0.png" for number in range(first, first + others)], "another person")
    assert allowed(workspace, Scope.TRAIN, ledger=ledger).src == records[0]


@pytest.mark.parametrize(("others", "passes"), [(1, True), (2, False)])
def test_in_the_target_one_face_of_sixty_may_be_blurred_but_nobody_else_may_be_there(
    tmp_path: Path, ledger: Ledger, records: tuple[Record, Record], others: int, passes: bool
) -> None:
    filled(tmp_path / "work", "src", [0] * FACES)
    filled(tmp_path / "work", "dst", [1] * (FACES - others) + [3] * others)
    workspace = Workspace(tmp_path / "work")
    declare(workspace, "anna", "boris", ledger=ledger)
    if passes:
        assert allowed(workspace, Scope.SWAP, ledger=ledger).dst == records[1]
    else:
        with pytest.raises(ConsentError, match="2 of 60 faces of data_dst"):
            allowed(workspace, Scope.SWAP, ledger=ledger)


def test_one_record_does_not_stand_for_two_people(
    workspace: Workspace, ledger: Ledger, records: tuple[Record, Record], tmp_path: Path
) -> None:
    declare(workspace, "anna", "anna", ledger=ledger)
    with pytest.raises(ConsentError, match="'anna' is named for two people's faces"):
        allowed(workspace, Scope.SWAP, ledger=ledger)
    filled(tmp_path / "own", "src", [0] * 5)
    filled(tmp_path / "own", "dst", [0] * 5)
    own = Workspace(tmp_path / "own")
    declare(own, "anna", "anna", ledger=ledger)
    assert allowed(own, Scope.SWAP, ledger=ledger).sha256 == records[0].record_hash


def test_before_faces_are_extracted_nothing_passes(
    tmp_path: Path, ledger: Ledger, records: tuple[Record, Record]
) -> None:
    filled(tmp_path / "work", "src", [])
    filled(tmp_path / "work", "dst", [])
    workspace = Workspace(tmp_path / "work")
    declare(workspace, "anna", "boris", ledger=ledger)
    with pytest.raises(ConsentError, match="no faces of data_src yet"):
        allowed(workspace, Scope.TRAIN, ledger=ledger)
    assert records


@pytest.mark.parametrize("content", ["", "{}", '{"src": 1, "dst": 2}', '{"src": {"record": "ab"}}'])
def test_a_damaged_declaration_is_none(workspace: Workspace, ledger: Ledger, content: str) -> None:
    (workspace.root / DECLARED).write_text(content)
    with pytest.raises(DataError, match=r"consent.json cannot be read"):
        allowed(workspace, Scope.SWAP, ledger=ledger)


def test_faces_without_a_noted_direction_are_looked_at(tmp_path: Path, ledger: Ledger) -> None:
    ledger.add(ANNA, age=30, confirmed=True)
    for side in ("src", "dst"):
        filled(tmp_path / "work", side, [])
        Workspace(tmp_path / "work").side(side).faceset.add(face("a_0.png"), picture())
    workspace = Workspace(tmp_path / "work")
    declare(workspace, "anna", "anna", ledger=ledger)
    assert allowed(workspace, Scope.SWAP, ledger=ledger).records
