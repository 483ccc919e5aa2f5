"""The quality report of a workspace: what is in it, what is refused, and how its picture leaves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.faceswap.made_clip import BARE, COUNT, faces, frames, negative

from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.core.task import Progress, finish
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merging import Merging, merge
from figment.faceswap.model import Shape, SwapModel, SwapNetwork
from figment.faceswap.video import VideoSettings, encode
from figment.faceswap.workspace import Workspace
from figment.pixels import files
from figment.studio.swap_consent import declare
from figment.studio.swap_report import PICTURE, report
from figment.trust.consent import Consent, ConsentError, Scope, Subject
from figment.trust.ledger import Ledger
from figment.trust.verify import inspect

ME = Consent(Subject.SELF, "me", (Scope.SWAP,), "trying it out")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "consent.jsonl")
    ledger.add(ME, age=40, confirmed=True)
    return ledger


@pytest.fixture
def workspace(tmp_path: Path, ledger: Ledger) -> Workspace:
    """The made clip as both sides, whose faces are all the same to the embedder; merged, without a video."""
    direction = np.eye(1, 128, dtype=np.float32)[0]
    workspace = Workspace(tmp_path / "swap")
    for side in (workspace.src, workspace.dst):
        for number, picture in enumerate(frames(0)):
            write_bytes(side.folder / f"{number + 1:05d}.png", files.encode(picture, "png"))
        for one in faces():
            picture = next(frames(one.frame))[30:78, 20:68]
            noted = replace(one, embedding=direction, source_size=(120, 100))
            side.faceset.add(noted, np.ascontiguousarray(picture))
    declare(workspace, "me", "me", ledger=ledger)
    finish(merge(workspace, negative(), [MergeSettings()] * COUNT))
    return workspace


def recorded(workspace: Workspace) -> None:
    pictures = Merging.of(workspace, negative()).frames()
    finish(encode(workspace.dst, pictures, workspace.result, VideoSettings()))


def test_a_report_is_a_table_and_a_signed_picture(workspace: Workspace, ledger: Ledger) -> None:
    recorded(workspace)
    model = SwapModel(SwapNetwork(Shape(size=32, encoder=4, inner=4, decoder=4, mask=2)))
    steps: list[Progress] = []
    held_out = workspace.src.faceset.faces()[::8]
    written = finish(report(workspace, held_out, model, ledger=ledger), steps.append)
    found = written.report
    assert (found.frames, found.with_face, found.swapped) == (COUNT, COUNT - len(BARE), COUNT - len(BARE))
    assert [one.frame for one in found.faces] == [number for number in range(COUNT) if number not in BARE]
    assert 0 < found.reconstruction < 0.9
    assert "flicker, times the original" not in {row.name for row in found.rows()}  # the original has none at all
    assert len(found.rows()) == 11
    assert {"measuring", "drawing held-out faces again"} <= {step.note for step in steps}
    seen = inspect(written.picture)
    assert written.picture == workspace.root / PICTURE
    rows = json.loads(written.picture.with_suffix(".json").read_text())
    assert [(row["name"], row["value"], row["wanted"]) for row in rows] == [tuple(row) for row in found.rows()]
    assert seen.credentials.state == "trusted"
    assert [output.path for output in ledger.outputs()] == [str(written.picture)]
    assert files.load(written.picture).shape[1] == 960


def test_without_consent_there_is_no_report(workspace: Workspace, ledger: Ledger) -> None:
    recorded(workspace)
    ledger.withdraw("me")
    with pytest.raises(ConsentError, match="was withdrawn"):
        finish(report(workspace, [], ledger=ledger))
    assert not (workspace.root / PICTURE).exists()


def test_without_a_result_there_is_no_report(workspace: Workspace, ledger: Ledger) -> None:
    with pytest.raises(InputError, match=r"no result.mp4 .* make the video first"):
        finish(report(workspace, [], ledger=ledger))


def test_what_was_merged_of_another_clip_is_not_reported_on(workspace: Workspace, ledger: Ledger) -> None:
    recorded(workspace)
    (workspace.dst.folder / f"{COUNT:05d}.png").unlink()
    other = Workspace(workspace.root)
    declare(other, "me", "me", ledger=ledger)
    with pytest.raises(InputError, match="not merged to its end"):
        finish(report(other, [], ledger=ledger))
    assert (other.merged / "merge.sqlite").is_file()
