"""Workspaces: which clips there are, how far the steps are, what has gone stale, and that nothing is lost."""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figment.core.errors import DataError, InputError
from figment.faceswap.side import KINDS
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import clips


def write_clip(path: Path, count: int = 3, grey: int = 0) -> None:
    first, *rest = (Image.new("RGB", (16, 12), (grey, 40 * number, 9)) for number in range(count))
    first.save(path, "GIF", save_all=True, append_images=rest, duration=[100 * (1 + number) for number in range(count)])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_clip(tmp_path / "data_src.gif")
    write_clip(tmp_path / "DATA_DST.GIF", 4)
    return Workspace(tmp_path)


def run(workspace: Workspace, step: Step, **settings: object) -> None:
    workspace.begin(step, settings)
    workspace.finish(step, {"frames": 3})


def through(workspace: Workspace) -> None:
    for step in Step:
        run(workspace, step)


def stale(workspace: Workspace) -> list[str]:
    return [str(state.step) for state in workspace.status() if state.stale]


@pytest.mark.parametrize("kind", KINDS)
def test_clips_are_found_by_name_in_any_letter_case(kind: str, tmp_path: Path) -> None:
    for name in (f"data_src.{kind}", f"Data_Dst.{kind.upper()}", "data_src.txt", "data_source.mp4"):
        (tmp_path / name).touch()
    workspace = Workspace(tmp_path)
    assert workspace.src.clip == tmp_path / f"data_src.{kind}"
    assert workspace.dst.clip == tmp_path / f"Data_Dst.{kind.upper()}"


def test_none_or_two_clips_are_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "none")
    with pytest.raises(InputError, match=r"There is no clip in .*none; put one there as data_src\.mp4, \.mov"):
        workspace.begin(Step.EXTRACT_SRC, {})
    for name in ("data_src.mp4", "data_src.gif"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"more than one clip in .*: data_src\.gif and data_src\.mp4; leave one"):
        _ = Workspace(tmp_path).src.source
    with pytest.raises(InputError, match="a workspace is a folder"):
        Workspace(tmp_path / "data_src.mp4")


def test_a_clip_is_known_by_its_content_and_read_through_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (workspace.root / "data_src.gif").read_bytes()
    assert workspace.src.digest == hashlib.sha256(content).hexdigest()
    times = workspace.src.times
    assert [times.seconds(number) for number in range(3)] == [0, Fraction(1, 10), Fraction(3, 10)]
    assert times.end * times.base == Fraction(6, 10)
    monkeypatch.setattr(clips, "times", None)  # not called again, by whichever name the clip goes
    (workspace.root / "data_src.gif").rename(workspace.root / "data_src.GIF")
    assert Workspace(workspace.root).src.times == times
    assert Workspace(workspace.root).src.count == 3


def test_where_there_is_no_clip_the_pictures_are_the_frames(tmp_path: Path) -> None:
    """As DeepFaceLab leaves them, beside its folders of faces."""
    (tmp_path / "data_src" / "aligned").mkdir(parents=True)
    for number in (1, 2):
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(tmp_path / "data_src" / f"0000{number}.png")
    side = Workspace(tmp_path).src
    assert side.clip is None
    assert (side.source, side.count) == (tmp_path / "data_src", 2)
    before = side.digest
    Image.fromarray(np.full((4, 4, 3), 9, np.uint8)).save(tmp_path / "data_src" / "00002.png")
    assert side.digest != before


def test_steps_are_none_then_begun_then_done(workspace: Workspace) -> None:
    assert [state.state for state in workspace.status()] == ["none"] * 12
    assert not workspace.begin(Step.EXTRACT_SRC, {"size": 256})
    assert workspace.state(Step.EXTRACT_SRC).state == "begun"
    workspace.finish(Step.EXTRACT_SRC, {"faces": 3})
    state = Workspace(workspace.root).state(Step.EXTRACT_SRC)
    assert (state.state, state.stale, state.settings, state.figures) == ("done", (), {"size": 256}, {"faces": 3})


def test_a_step_goes_on_only_with_the_same_settings_and_clip(workspace: Workspace) -> None:
    workspace.begin(Step.EXTRACT_SRC, {"size": 256, "range": (1, 2)})
    assert workspace.begin(Step.EXTRACT_SRC, {"range": (1, 2), "size": 256})
    assert not workspace.begin(Step.EXTRACT_SRC, {"size": 128})
    write_clip(workspace.root / "data_src.gif", 3, grey=200)
    assert not workspace.begin(Step.EXTRACT_SRC, {"size": 128})
    assert workspace.begin(Step.EXTRACT_SRC, {"size": 128})


def test_what_is_made_from_what_changed_is_stale(workspace: Workspace) -> None:
    through(workspace)
    assert stale(workspace) == []
    run(workspace, Step.SORT_DST, order="yaw")
    assert stale(workspace) == ["pack dst", "train", "merge", "video"]
    for step in (Step.TRAIN, Step.MERGE, Step.VIDEO, Step.PACK_DST):
        run(workspace, step)
    assert stale(workspace) == []
    write_clip(workspace.root / "data_src.gif", 3, grey=200)
    assert stale(workspace) == ["frames src", "extract src", "sort src", "pack src", "train", "merge", "video"]
    assert workspace.state(Step.EXTRACT_SRC).stale == ("src",)
    assert workspace.state(Step.VIDEO).stale == ("merge",)
    (workspace.root / "DATA_DST.GIF").unlink()
    assert len(stale(workspace)) == 11


def test_steps_done_again_to_the_same_end_leave_the_others_fresh(workspace: Workspace) -> None:
    through(workspace)
    run(workspace, Step.EXTRACT_DST)
    assert stale(workspace) == []


def test_what_is_outdated_is_moved_away_before_a_step_begins_anew(workspace: Workspace) -> None:
    model = workspace.model / "new.safetensors"
    for size in (1, 1, 2):
        workspace.begin(Step.TRAIN, {"size": size}, outdated=[workspace.model, workspace.result])
        assert model.exists() == (size == 1 and model.parent.exists())
        model.parent.mkdir(exist_ok=True)
        model.write_bytes(bytes([size]))
    (away,) = workspace.bin.rglob("*.safetensors")
    assert away.read_bytes() == b"\1"


def test_clear_moves_everything_but_the_clips(workspace: Workspace) -> None:
    through(workspace)
    made = {"model/new.safetensors": b"1", "data_src/aligned/00001_0.jpg": b"2", "result.mp4": b"3", "notes.txt": b"4"}
    for name, content in made.items():
        (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / name).write_bytes(content)
    first = workspace.clear()
    assert {name: (first / name).read_bytes() for name in made} == made
    assert {path.name for path in workspace.root.iterdir()} == {
        "DATA_DST.GIF",
        "data_src.gif",
        "bin",
        "workspace.sqlite",
    }
    assert [state.state for state in workspace.status()] == ["none"] * 12
    assert [state.state for state in Workspace(first).status()] == ["done"] * 12  # so that it can be moved back
    second = workspace.clear()
    assert second != first
    assert second.parent == first.parent == workspace.root / "bin"


def test_clear_leaves_pictures_that_are_the_frames(tmp_path: Path) -> None:
    (tmp_path / "data_dst" / "aligned").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "data_dst" / "00001.png")
    (tmp_path / "data_dst" / "aligned" / "00001_0.jpg").write_bytes(b"face")
    bin = Workspace(tmp_path).clear()
    assert [path.name for path in (tmp_path / "data_dst").iterdir()] == ["00001.png"]
    assert (bin / "data_dst" / "aligned" / "00001_0.jpg").read_bytes() == b"face"


_WRITES = """
import sys
from pathlib import Path
from figment.faceswap.workspace import Step, Workspace
workspace = Workspace(Path(sys.argv[1]))
number = 0
while True:
    workspace.begin(Step.EXTRACT_SRC, {"number": number})
    workspace.finish(Step.EXTRACT_SRC, {"number": number})
    print(number, flush=True)
    number += 1
"""


def test_what_was_told_survives_kill_9(workspace: Workspace) -> None:
    command = [sys.executable, "-c", _WRITES, str(workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.kill()
    state = workspace.state(Step.EXTRACT_SRC)
    assert state.settings["number"] >= told
    assert state.state == "begun" or state.settings == state.figures
    with closing(sqlite3.connect(workspace.record.file)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_record_is_a_sentence(workspace: Workspace) -> None:
    workspace.record.file.write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match=r"The record .*workspace\.sqlite cannot be used .*; move it away"):
        workspace.status()
