"""A clip merged: what is made, what is made again, and what is left after a crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Container, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.faceswap.made_clip import BARE, COUNT, faces, frame, frames, merging, negative
from tests.faceswap.made_faces import POINTS, face

from figment.core.errors import DataError, InputError
from figment.core.files import write_bytes
from figment.core.task import finish
from figment.faceswap.merge import Colour, MergeSettings, Mode
from figment.faceswap.merge.footage import Footage
from figment.faceswap.merging import Merging, merge
from figment.faceswap.workspace import Step, Workspace
from figment.pixels.files import encode

FRESH = MergeSettings(colour=Colour.NONE)


def files(folder: Path) -> dict[str, bytes]:
    """Content of the merged frames and masks in `folder`, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("merged*/*.png"))}


def test_every_face_is_drawn_anew_and_the_rest_stays(tmp_path: Path) -> None:
    work = merging(tmp_path)
    work.session.keep((FRESH,) * COUNT)
    assert finish(work.run()) == COUNT - len(BARE)
    places = {face.frame: face.source_landmarks.mean(0).round().astype(int) for face in faces()}
    for number, (picture, mask) in enumerate(zip(work.frames(), work.masks(), strict=True)):
        assert np.array_equal(picture[mask == 0], frame(number)[mask == 0])
        assert (mask.max() == 0) == (number in BARE)
        if number in BARE:
            continue
        x, y = places[number]
        assert mask[y, x] == 255
        inside = mask == 255  # its mean is turned around, though it was sampled to 32 pixels and back
        assert picture[inside].mean() == pytest.approx(255 - frame(number)[inside].mean(), abs=4)


def test_all_faces_of_a_frame_are_merged(tmp_path: Path) -> None:
    work = merging(tmp_path)
    mask = work.frame(2).mask
    second = faces()[-1].source_landmarks
    left = mask[:, : int(second[:, 0].min())]
    assert left.max() == mask[:, int(second[:, 0].mean()) :].max() == 255


def test_groups_of_frames_go_through_the_network_together(tmp_path: Path) -> None:
    sizes: list[int] = []
    finish(merging(tmp_path, negative(seen=sizes.append)).run())
    assert sorted(sizes) == [3, 7, 8]


def test_a_frame_that_is_looked_at_is_drawn_as_in_a_run_which_rounds_by_threads(tmp_path: Path) -> None:
    threads: list[int] = []
    before = torch.get_num_threads()
    finish(merging(tmp_path / "run", negative(seen=lambda _: threads.append(torch.get_num_threads()))).run())
    work = merging(tmp_path / "look", negative(seen=lambda _: threads.append(torch.get_num_threads())))
    torch.set_num_threads(before + 1)
    try:
        work.frame(0)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert len(threads) == 4
    assert len(set(threads)) == 1


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    finish(merging(tmp_path).run())
    sizes: list[int] = []
    work = merging(tmp_path, negative(seen=sizes.append))
    assert finish(work.run()) == 0
    work.frame(3)
    assert sizes == []


def test_frames_that_come_out_otherwise_are_made_again(tmp_path: Path) -> None:
    work = merging(tmp_path)
    finish(work.run())
    before = files(tmp_path)
    settings = list(work.session.settings())
    settings[9] = replace(settings[9], erode=300)
    work.session.keep(settings)
    assert finish(work.run()) == 1
    after = files(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"merged/00010.png", "merged_mask/00010.png"}
    assert finish(merging(tmp_path, replace(negative(), digest="trained more")).run()) == COUNT - len(BARE)


def test_originals_and_frames_without_a_face_are_the_clips_own(tmp_path: Path) -> None:
    work = merging(tmp_path)
    work.session.keep([MergeSettings(mode=Mode.ORIGINAL if number > 2 else Mode.OVERLAY) for number in range(COUNT)])
    assert finish(work.run()) == 3
    pictures, masks = list(work.frames()), list(work.masks())
    assert len(pictures) == len(masks) == COUNT
    assert all(np.array_equal(pictures[number], frame(number)) for number in range(3, COUNT))
    assert [bool(mask.any()) for mask in masks] == [number < 3 for number in range(COUNT)]
    assert sorted(files(tmp_path)) == [
        *(f"merged/0000{number}.png" for number in (1, 2, 3)),
        *(f"merged_mask/0000{number}.png" for number in (1, 2, 3)),
    ]


def test_a_run_from_a_frame_on_leaves_those_before(tmp_path: Path) -> None:
    work = merging(tmp_path)
    assert finish(work.run(10)) == COUNT - 10 - 1
    assert min(work.session.made()) == 10
    for unfinished in (work.frames(), work.masks()):
        with pytest.raises(InputError, match="Frame 0 is not merged yet"):
            next(unfinished)


def test_progress_is_counted_in_frames(tmp_path: Path) -> None:
    reports = list(merging(tmp_path).run(1))
    assert [report.step for report in reports] == [0, 7, 15, 18]
    assert {report.total for report in reports} == {18}
    assert reports[1].preview is not None
    assert reports[1].preview.shape == frame(0).shape


def test_frames_are_the_same_one_by_one_as_all_together(tmp_path: Path) -> None:
    together, single = merging(tmp_path / "a"), merging(tmp_path / "b")
    finish(together.run())
    for number in (18, 3, 9, 2):
        assert np.array_equal(single.frame(number).frame, together.session.load(number).frame)


def test_a_stopped_merge_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    finish(merging(tmp_path / "whole").run())
    stopped = merging(tmp_path / "stopped").run()
    list(islice(stopped, 2))
    stopped.close()
    assert finish(merging(tmp_path / "stopped").run()) == COUNT - len(BARE) - 7
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")


def test_a_killed_merge_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    finish(merging(tmp_path / "whole").run())
    script = """
import sys, time
from pathlib import Path
from tests.faceswap.made_clip import merging
from figment.faceswap.merge.session import Session
write = Session.write
def slowly(session, frame, merged):
    write(session, frame, merged)
    print(frame, flush=True)
    time.sleep(0.05)
Session.write = slowly
for _ in merging(Path(sys.argv[1])).run():
    pass
"""
    folder = tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(9):  # the first group of seven is done, the second begun
            assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert 7 <= len(merging(folder).session.made()) < COUNT - len(BARE)
    finish(merging(folder).run())
    assert files(folder) == files(tmp_path / "whole")


def test_the_way_of_a_face_is_that_of_its_middle(tmp_path: Path) -> None:
    footage = merging(tmp_path).footage
    assert footage.way(8) == pytest.approx((-2, 0), abs=1e-4)
    assert footage.way(3) == pytest.approx((0, 0), abs=1e-4)  # two faces before, none behind
    assert footage.way(5) == pytest.approx((-1, 0), abs=1e-4)
    assert footage.way(2) == footage.way(4) == (0, 0)


def test_a_way_does_not_lead_over_a_cut() -> None:
    there = [face(f"{n}.jpg", frame=n, shot=n // 2, source_landmarks=POINTS * 40 + n * 10) for n in range(4)]
    assert Footage(frames, COUNT, there).way(1) == pytest.approx((10, 10), abs=1e-4)


def test_faces_of_frames_that_are_not_there_are_refused() -> None:
    with pytest.raises(DataError, match="frame 18 of a clip of 18"):
        Footage(frames, COUNT - 1, faces())


def test_faces_of_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    work = merging(tmp_path)
    there = [replace(face, source_size=(0, 0) if face.frame < 8 else (640, 480)) for face in faces()]
    work = Merging(Footage(frames, COUNT, there), work.session, negative())
    work.frame(0)  # of unknown size
    with pytest.raises(DataError, match=r"00008_0.jpg is of a frame of 640x480, those here have 120x100"):
        work.frame(9)


def test_a_clip_that_ends_early_is_said(tmp_path: Path) -> None:
    work = merging(tmp_path)

    def short(first: int, *, only: Container[int] | None = None) -> Iterator[NDArray[np.uint8]]:
        return islice(frames(first, only=only), max(0, 10 - first))

    work.footage.frames = short
    with pytest.raises(DataError, match="ends before frame 15"):
        finish(work.run())


def in_a_workspace(root: Path) -> Workspace:
    """A workspace whose dst is the made clip, as pictures, with its faces."""
    (root / "data_dst").mkdir(parents=True)
    for number, picture in enumerate(frames(0)):
        write_bytes(root / f"data_dst/{number + 1:05d}.png", encode(picture, "png"))
    workspace = Workspace(root)
    content = encode(np.zeros((48, 48, 3), np.uint8), "jpeg")
    workspace.dst.faceset.add_files((face, content) for face in reversed(faces()))
    return workspace


def test_the_clip_of_a_workspace_is_merged(tmp_path: Path) -> None:
    workspace = in_a_workspace(tmp_path / "swap")
    settings = [MergeSettings(blur=number) for number in range(COUNT)]
    assert finish(merge(workspace, negative(), settings)) == COUNT - len(BARE)
    other = merging(tmp_path / "alone")
    other.session.keep(settings)
    finish(other.run())
    assert files(tmp_path / "swap/data_dst") == files(tmp_path / "alone")
    done = workspace.state(Step.MERGE)
    assert (done.state, done.figures) == ("done", {"frames": COUNT, "swapped": COUNT - len(BARE)})


def test_a_workspace_goes_on_with_what_was_kept(tmp_path: Path) -> None:
    workspace = in_a_workspace(tmp_path)
    finish(merge(workspace, negative(), [MergeSettings(motion_blur=50)] * COUNT))
    assert finish(merge(workspace, negative())) == 0
    workspace.dst.faceset.drop(["00003_0.jpg", "00002_1.jpg"], "another person")
    assert finish(merge(workspace, negative())) == 2, "that of the face dropped, and the one before, which moves on now"
