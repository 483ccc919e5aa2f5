"""What a merge keeps: settings, frames, and what is left of them after a crash."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from figment.core.errors import DataError
from figment.faceswap.merge import Merged, MergeSettings
from figment.faceswap.merge.session import INDEX, Session
from figment.faceswap.workspace import Workspace

FRESH = MergeSettings()
RESULT = Merged(
    np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8),
    np.random.default_rng(1).integers(0, 256, (6, 8), np.uint8),
)


def session(folder: Path, clip: str = "a", frames: int = 4) -> Session:
    """A session in `folder`, with the bin beside it."""
    return Session(folder / "merged", clip, frames, Workspace(folder).put_away)


def test_settings_and_place_are_kept(tmp_path: Path) -> None:
    first = session(tmp_path)
    assert first.settings() == (FRESH,) * 4
    assert first.shown == 0
    settings = (FRESH, replace(FRESH, blur=5), FRESH, replace(FRESH, erode=-5))
    first.keep(settings)
    first.shown = 3
    again = session(tmp_path)
    assert again.settings() == settings
    assert again.shown == 3
    again.keep((FRESH,) * 4)
    assert session(tmp_path).settings() == (FRESH,) * 4
    assert not (tmp_path / "bin").exists()


@pytest.mark.parametrize(("clip", "frames"), [("b", 4), ("a", 5)])
def test_a_session_of_another_clip_is_moved_to_the_bin(tmp_path: Path, clip: str, frames: int) -> None:
    first = session(tmp_path)
    first.keep((replace(FRESH, blur=5),) * 4)
    first.write(0, RESULT)
    first.note({0: "x"})
    other = session(tmp_path, clip, frames)
    assert other.settings() == (FRESH,) * frames
    assert other.made() == {}
    (moved,) = (tmp_path / "bin").iterdir()
    assert (moved / "merged_mask/00001.png").is_file()
    assert session(moved).made() == {0: "x"}


def test_frames_of_another_program_are_moved_to_the_bin(tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged/00001.png").write_bytes(b"theirs")
    session(tmp_path)
    (moved,) = (tmp_path / "bin").iterdir()
    assert (moved / "merged/00001.png").read_bytes() == b"theirs"


def test_frames_are_kept_without_loss(tmp_path: Path) -> None:
    first = session(tmp_path)
    first.write(2, RESULT)
    first.note({2: "x"})
    again = session(tmp_path)
    assert again.made() == {2: "x"}
    loaded = again.load(2)
    assert np.array_equal(loaded.frame, RESULT.frame)
    assert np.array_equal(loaded.mask, RESULT.mask)
    again.forget([2])
    assert session(tmp_path).made() == {}


def test_settings_are_all_kept_or_none_when_killed(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merge.session import Session
folder = Path(sys.argv[1])
session = Session(folder / "merged", "a", 500, lambda _: None)
print("ready", flush=True)
number = 0
while True:
    number = number % 400 + 1
    session.keep((MergeSettings(blur=number),) * 500)
"""
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        while len({one.blur for one in session(tmp_path, frames=500).settings()} - {0}) == 0:
            assert writer.poll() is None
        os.kill(writer.pid, signal.SIGKILL)
    left = {one.blur for one in session(tmp_path, frames=500).settings()}
    assert len(left) == 1
    assert left != {0}


def test_a_damaged_index_is_said(tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / INDEX).write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(DataError, match="cannot be used"):
        session(tmp_path)
