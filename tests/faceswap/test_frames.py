"""Frames of a side: the same from anywhere, with their times, and written as pictures without losing any."""

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figment.core.errors import InputError
from figment.core.task import finish
from figment.faceswap.frames import dump, frames, images
from figment.faceswap.workspace import Step, Workspace
from figment.pixels.errors import PixelError

COUNT = 25


def picture(number: int, grey: int = 0) -> NDArray[np.uint8]:
    """Few colours, which a GIF keeps as they are."""
    image = np.full((20, 32, 3), (grey, 8 * number, 40), np.uint8)
    image[5:9, number : number + 5] = 255
    return image


def write_clip(path: Path, count: int = COUNT, grey: int = 0) -> None:
    first, *rest = (Image.fromarray(picture(number, grey)) for number in range(count))
    first.save(path, "GIF", save_all=True, append_images=rest, duration=[20 + 10 * number for number in range(count)])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_clip(tmp_path / "data_src.gif")
    return Workspace(tmp_path)


def written(workspace: Workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in workspace.src.folder.iterdir() if path.suffix in (".png", ".jpg")}


def test_frames_come_with_their_numbers_and_times(workspace: Workspace) -> None:
    shown = list(frames(workspace.src))
    for number, frame in enumerate(shown):
        np.testing.assert_array_equal(frame.image, picture(number))
        assert (frame.number, frame.stem) == (number, f"{number + 1:05d}")
        assert frame.time == sum((Fraction(2 + before, 100) for before in range(number)), Fraction(0))
    assert len(shown) == workspace.src.count == COUNT


def test_from_anywhere_they_are_the_same(workspace: Workspace) -> None:
    for first in range(COUNT + 1):
        rest = list(frames(workspace.src, first))
        assert [frame.number for frame in rest] == list(range(first, COUNT))
        for frame in rest:
            np.testing.assert_array_equal(frame.image, picture(frame.number))


def test_a_gif_of_one_frame(tmp_path: Path) -> None:
    write_clip(tmp_path / "data_dst.gif", 1)
    (frame,) = frames(Workspace(tmp_path).dst)
    np.testing.assert_array_equal(frame.image, picture(0))


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "data_src").mkdir()
    for number in range(3):
        Image.fromarray(picture(number)).save(tmp_path / "data_src" / f"{number + 1:05d}.png")
    side = Workspace(tmp_path).src
    assert [frame.time for frame in frames(side)] == [0, Fraction(1, 25), Fraction(2, 25)]
    np.testing.assert_array_equal(np.array(list(images(side, 1))), np.array([picture(1), picture(2)]))
    np.testing.assert_array_equal(np.array(list(images(side, 1, only={0, 2}))), np.array([picture(2)]))
    with pytest.raises(InputError, match="pictures already; there is no clip data_src"):
        finish(dump(Workspace(tmp_path), "src", "png"))


def test_a_damaged_clip_is_a_sentence(workspace: Workspace) -> None:
    clip = workspace.root / "data_src.gif"
    clip.write_bytes(clip.read_bytes()[:-400])
    with pytest.raises(PixelError, match=r"data_src\.gif is cut off or damaged; copy it again\."):
        next(frames(workspace.src))


def test_written_frames_are_the_frames(workspace: Workspace) -> None:
    assert finish(dump(workspace, "src", "png")) == COUNT
    for number in range(COUNT):
        with Image.open(workspace.src.folder / f"{number + 1:05d}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), picture(number))
    state = workspace.state(Step.FRAMES_SRC)
    assert (state.state, state.figures) == ("done", {"frames": COUNT})
    assert len(written(workspace)) == COUNT


def test_frames_that_are_there_are_kept_and_those_that_are_not_are_written(workspace: Workspace) -> None:
    task = dump(workspace, "src", "jpg")
    while next(task).step < 10:
        pass
    task.close()
    first = written(workspace)
    assert 10 <= len(first) < COUNT
    assert workspace.state(Step.FRAMES_SRC).state == "begun"
    kept = workspace.src.folder / "00003.jpg"
    before = kept.stat().st_mtime_ns
    (workspace.src.folder / "00002.jpg").unlink()
    finish(dump(workspace, "src", "jpg"))
    assert kept.stat().st_mtime_ns == before
    whole = written(workspace)
    assert len(whole) == COUNT
    assert {name: whole[name] for name in first} == first


def test_frames_of_another_clip_or_kind_go_to_the_bin(workspace: Workspace) -> None:
    finish(dump(workspace, "src", "png"))
    old = written(workspace)
    write_clip(workspace.root / "data_src.gif", 4, grey=90)
    finish(dump(workspace, "src", "png"))
    assert set(written(workspace)) == {"00001.png", "00002.png", "00003.png", "00004.png"}
    assert written(workspace)["00001.png"] != old["00001.png"]
    finish(dump(workspace, "src", "jpg"))
    assert set(written(workspace)) == {"00001.jpg", "00002.jpg", "00003.jpg", "00004.jpg"}
    away = [path.read_bytes() for path in workspace.bin.rglob("*.png")]
    assert len(away) == COUNT + 4
    assert set(old.values()) <= set(away)


def test_after_kill_9_it_goes_on_to_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from figment.core.task import finish; "
        "from figment.faceswap.frames import dump; from figment.faceswap.workspace import Workspace; "
        "print('ready', flush=True); finish(dump(Workspace(Path(sys.argv[1])), 'src', 'png'))"
    )
    for delay in (0.0, 0.02, 0.04):
        with subprocess.Popen([sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
    finish(dump(workspace, "src", "png"))
    whole = Workspace(tmp_path / "whole")
    whole.root.mkdir()
    write_clip(whole.root / "data_src.gif")
    finish(dump(whole, "src", "png"))
    assert written(workspace) == written(whole)
