"""A frame of a swap looked at before the clip is merged: its settings, its picture, and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.faceswap.made_clip import COUNT, faces, frames

from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.core.task import finish
from figment.faceswap.merge import MergeSettings, Mode
from figment.faceswap.merge.session import Session
from figment.faceswap.model import Shape, SwapModel, SwapNetwork
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import files
from figment.studio.swap_consent import declare
from figment.studio.swap_frame import PICTURE, Change, Look, looked_at
from figment.studio.swap_result import merged
from figment.trust.badge import badge
from figment.trust.consent import Consent, ConsentError, Scope, Subject
from figment.trust.ledger import Ledger
from figment.trust.verify import inspect

ME = Consent(Subject.SELF, "me", (Scope.SWAP,), "trying it out")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of the made clip as both sides, with a network that learnt nothing, and a ledger beside it."""
    root = tmp_path_factory.mktemp("film")
    ledger = Ledger(root / "home/consent.jsonl")
    ledger.add(ME, age=40, confirmed=True)
    workspace = Workspace(root / "film")
    for side in (workspace.src, workspace.dst):
        for number, picture in enumerate(frames(0)):
            write_bytes(side.folder / f"{number + 1:05d}.png", files.encode(picture, "png"))
        for one in faces():
            noted = replace(one, embedding=np.eye(1, 128, dtype=np.float32)[0])
            side.faceset.add(noted, np.ascontiguousarray(next(frames(one.frame))[30:78, 20:68]))
    declare(workspace, "me", "me", ledger=ledger)
    workspace.begin(Step.TRAIN, {"preset": "figment"})
    model = SwapModel(SwapNetwork(Shape(size=32, encoder=4, inner=4, decoder=4, mask=2)))
    model.save(workspace.model / "figment.safetensors", 1, {})
    workspace.finish(Step.TRAIN, {})
    return root


@pytest.fixture
def workspace(untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    shutil.copytree(untouched, tmp_path / "own")
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path / "own/home"))
    return Workspace(tmp_path / "own/film")


def look(workspace: Workspace, number: int | None, *changes: Change, checkers: bool = False) -> Look:
    return finish(looked_at(workspace, number, changes, checkers=checkers))


def test_a_frame_is_labelled_marked_and_signed(workspace: Workspace) -> None:
    seen = look(workspace, 3)
    assert (seen.frame, seen.count, seen.settings) == (3, COUNT, MergeSettings())
    assert seen.picture == workspace.root / PICTURE
    assert inspect(seen.picture).verdict == "signed"
    picture = files.load(seen.picture)
    assert picture.shape == (100, 120, 3)
    corner = badge(np.zeros_like(picture)) > 200
    assert (picture[corner] > 130).mean() > 0.9
    before = list(frames(0))[3].astype(int)
    assert np.abs(picture - before)[35:75, 37:77].mean() > 10  # where the face is


def test_what_is_seen_is_what_is_merged(workspace: Workspace) -> None:
    look(workspace, 5, (5, 5, {"mode": "raw-predict"}))
    kept = workspace.merged / "00006.png"
    before = kept.stat().st_mtime_ns
    made = finish(merged(workspace, {}))
    assert made == COUNT - 3  # two have no face, and this one was made
    assert kept.stat().st_mtime_ns == before


def test_settings_are_kept_for_each_frame(workspace: Workspace) -> None:
    assert look(workspace, 2, (0, COUNT - 1, {"erode": 7}), (2, 3, {"blur": 9})).settings == MergeSettings(
        erode=7, blur=9
    )
    assert look(workspace, 4).settings == MergeSettings(erode=7)
    again = look(workspace, None)
    assert (again.frame, again.settings) == (4, MergeSettings(erode=7))
    session = Session(workspace.merged, workspace.dst.digest, COUNT, workspace.put_away)
    assert [one.blur for one in session.settings()] == [9 if number in (2, 3) else 0 for number in range(COUNT)]


def test_settings_that_change_are_seen_at_once(workspace: Workspace) -> None:
    plain = files.load(look(workspace, 1).picture).astype(int)
    original = files.load(look(workspace, 1, (1, 1, {"mode": str(Mode.ORIGINAL)})).picture)
    checkered = files.load(look(workspace, 1, (1, 1, {"mode": "overlay"}), checkers=True).picture)
    assert np.abs(plain - original)[35:75, 39:79].mean() > 3  # where the face is
    assert np.abs(plain - checkered)[:30].mean() > 20


def test_a_network_that_learnt_more_draws_anew(workspace: Workspace) -> None:
    first = files.load(look(workspace, 1).picture).astype(int)
    model = SwapModel(SwapNetwork(Shape(size=32, encoder=4, inner=4, decoder=4, mask=2)))
    model.save(workspace.model / "figment.safetensors", 2, {})
    assert np.abs(first - files.load(look(workspace, 1).picture)).max() > 3


def test_the_ledger_names_the_picture_once(workspace: Workspace) -> None:
    for number in range(3):
        look(workspace, number)
    assert [output.path for output in Ledger().outputs()] == [str(workspace.root / PICTURE)]


def test_without_consent_nothing_is_shown(workspace: Workspace) -> None:
    look(workspace, 0)
    (workspace.root / PICTURE).unlink()
    Ledger().withdraw("me")
    with pytest.raises(ConsentError, match="was withdrawn"):
        look(workspace, 0, (0, 0, {"erode": 3}))
    assert not (workspace.root / PICTURE).exists()


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        (COUNT, (0, 0, {}), "There is no frame 19; the clip has the frames 0 to 18"),
        (0, (0, COUNT, {}), "There is no frame 19"),
        (0, (0, 0, {"erode": 900}), "erode"),
        (0, (0, 0, {"colours": "rct"}), "colours"),
    ],
)
def test_what_is_refused(workspace: Workspace, number: int, change: Change, said: str) -> None:
    with pytest.raises(InputError, match=said):
        look(workspace, number, change)


def test_without_a_network_it_is_said_before_the_clips_are_looked_through(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.model / "figment.safetensors").unlink()
    monkeypatch.setattr("figment.studio.swap._LOOKED_AT", {})
    monkeypatch.setattr("figment.studio.swap.checked", lambda *_: pytest.fail("the clips were looked through"))
    for task in (looked_at(workspace, 3), merged(workspace, {})):
        with pytest.raises(InputError, match="No network is trained"):
            finish(task)
