"""A face swap at the command line, from two clips to a signed one, and what is refused on the way."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from tests.cli.conftest import Run
from tests.faceswap import talking

from figment.cli import figment as program
from figment.faceswap.workspace import Workspace
from figment.pixels.clips import frames
from figment.pixels.files import encode, load
from figment.trust.badge import badge
from figment.trust.own_mark import own_watermark
from figment.trust.verify import inspect

COUNT = 10
CONSENTS = ("--src-consent", "anna", "--dst-consent", "boris")


def consented(alias: str, *more: str) -> None:
    """A record of consent in the ledger of these tests."""
    Path("form.txt").write_text("signed")
    said = ["--subject", "performer", "--purpose", "a test", "--age", "30", "--evidence", "form.txt", "--i-confirm"]
    scopes = [] if "--scope" in more else ["--scope", "train", "--scope", "swap"]
    done = CliRunner().invoke(program, ["consent", "add", alias, *said, *scopes, *more], standalone_mode=False)
    assert done.exception is None


def clips(root: Path, *, sound: bool = False) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    talking.write(root / "data_src.mp4", [talking.frame(number, 0.8) for number in range(COUNT)])
    talking.write(root / "data_dst.mp4", [talking.frame(number + 5) for number in range(COUNT)], sound=sound)
    return root


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which everything is done, not to be changed."""
    folder = tmp_path_factory.mktemp("swap")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FIGMENT_HOME", str(folder / "home"))
        for alias in ("anna", "boris"):
            consented(alias)
        clips(folder / "ws", sound=True)
        done = CliRunner().invoke(
            program,
            ["swap", "run", "ws", *CONSENTS, "--iterations", "1"],
            standalone_mode=False,
            catch_exceptions=False,
        )
        assert done.output == "ws/result.mp4\n"
    return folder


@pytest.fixture
def at(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the finished workspace ws."""
    monkeypatch.chdir(finished)
    monkeypatch.setenv("FIGMENT_HOME", str(finished / "home"))
    return finished


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace ws with clips and faces, and a ledger without records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path / "home"))
    return clips(tmp_path / "ws")


def test_the_result_says_what_was_done_and_shows_it(at: Path) -> None:
    report = inspect(at / "ws/result.mp4")
    assert report.verdict == "signed"
    assert "put another face into it" in report.headline
    assert any("under the consent" in reason for reason in report.reasons)
    assert report.watermark.present
    assert [action.name for action in report.credentials.actions] == ["c2pa.opened", "c2pa.placed", "c2pa.edited"]
    assert [one.relationship for one in report.credentials.ingredients] == ["parentOf", "componentOf"]
    assert len(report.credentials.facts["consent"]["sha256"]) == 64
    shown, before = list(frames(at / "ws/result.mp4")), list(frames(at / "ws/data_dst.mp4"))
    assert len(shown) == COUNT
    changed = np.abs(shown[0].astype(int) - badge(before[0])).mean(2)
    assert (
        changed[60:140, 80:160].mean() > 5 > changed[:30].mean()
    )  # the face is another, the rest with its label is not
    assert np.abs(shown[0][-40:, :100].astype(int) - badge(before[0])[-40:, :100]).mean() < 12


def test_the_result_keeps_time_and_sound(at: Path) -> None:
    def heard(name: str) -> list[bytes]:
        with av.open(str(at / "ws" / name)) as clip:
            return [bytes(packet) for packet in clip.demux(clip.streams.audio[0])]

    assert heard("result.mp4") == heard("data_dst.mp4")
    assert len(heard("result.mp4")) > 3


def test_no_picture_on_the_way_is_without_mark_and_label(at: Path) -> None:
    merged = load(at / "ws/data_dst/merged/00001.png")
    assert own_watermark().detect(merged).present
    corner = badge(np.zeros_like(merged))[-30:, :90] > 200
    assert (merged[-30:, :90][corner] > 150).mean() > 0.9
    for name in ("result_strip.png", "model/preview.png"):
        assert inspect(at / "ws" / name).verdict == "signed"


def test_status_tells_what_came_out(at: Path, figment: Run) -> None:
    code, out, _ = figment("swap", "status", "-w", "ws", "--json")
    states = {state["step"]: state for state in json.loads(out)}
    assert code == 0
    assert all(state["state"] == "done" and not state["stale"] for name, state in states.items() if name != "clear")
    assert states["extract dst"]["figures"]["faces"] == COUNT


def test_a_second_run_does_nothing_anew(at: Path, figment: Run) -> None:
    before = (at / "ws/result.mp4").stat().st_mtime_ns
    assert figment("swap", "run", "ws", "--iterations", "1") == (0, "ws/result.mp4\n", "")
    assert (at / "ws/result.mp4").stat().st_mtime_ns == before


def test_the_report_has_a_table_and_a_signed_picture(at: Path, figment: Run) -> None:
    code, out, err = figment("swap", "report", "-w", "ws")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "ws/report.png"
    assert len(out.splitlines()) > 6
    assert inspect(at / "ws/report.png").verdict == "signed"


def test_merging_with_other_settings_makes_the_frames_anew(at: Path, figment: Run, tmp_path: Path) -> None:
    shutil.copytree(at / "ws", tmp_path / "ws")
    name = str(tmp_path / "ws")
    Path(tmp_path / "plan.toml").write_text('mode = "overlay"\n[[frames]]\nfirst = 0\nlast = 1\nmode = "original"\n')
    assert figment("swap", "merge", "-w", name) == (0, "0 frames made\n", "")
    assert figment("swap", "merge", "-w", name, "--mode", "raw-rgb")[:2] == (0, f"{COUNT} frames made\n")
    assert (
        figment("swap", "merge", "-w", name, "--settings", str(tmp_path / "plan.toml"), "--no-masked-histogram")[0] == 0
    )
    code, out, err = figment("swap", "video", "-w", name, "--masks")
    assert (code, out, err) == (0, f"{name}/result.mp4\n", "")
    original = next(frames(tmp_path / "ws/result.mp4")).astype(int)
    assert np.abs(original - badge(next(frames(at / "ws/data_dst.mp4")))).mean() < 3  # labelled all the same
    assert inspect(tmp_path / "ws/result_mask.mp4").verdict == "signed"
    assert figment("swap", "clear", "-w", name)[0] == 0
    assert sorted(path.name for path in (tmp_path / "ws").iterdir()) == [
        "bin", "data_dst.mp4", "data_src.mp4", "workspace.sqlite",
    ]  # fmt: skip


def test_a_withdrawn_consent_blocks_and_names_what_was_made(at: Path, figment: Run, tmp_path: Path) -> None:
    shutil.copytree(at / "home", tmp_path / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIGMENT_HOME", str(tmp_path / "home"))
        assert figment("consent", "withdraw", "anna")[0] == 0
        for step in ("merge", "video", "train", "report"):
            code, _, err = figment("swap", step, "-w", "ws")
            assert code == 2
            assert "withdrawn" in err
            assert "result.mp4" in err


@pytest.mark.parametrize("step", ["train", "merge", "run"])
def test_nothing_is_learnt_or_put_anywhere_without_consent(fresh: Path, figment: Run, step: str) -> None:
    for side in ("src", "dst") if step != "run" else ():
        assert figment("swap", "extract", side, "-w", "ws")[0] == 0
    arguments = ("run", "ws") if step == "run" else (step, "-w", "ws")
    code, _, err = figment("swap", *arguments)
    assert code == 2
    assert "No consent is named" in err
    assert not (fresh / "model").exists()
    consented("anna")
    code, _, err = figment("swap", *arguments, *CONSENTS)
    assert (code, "boris" in err) == (2, True)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    consented("boris", "--expires", str(tomorrow), "--scope", "swap")
    if step != "merge":
        code, _, err = figment("swap", *arguments, *CONSENTS)
        assert code == 2
        assert "allows swap, not train" in err


def _empty(root: Path) -> None:
    (root / "data_src.mp4").unlink()


def _two(root: Path) -> None:
    (root / "data_src.gif").write_bytes(b"GIF89a")


def _nobody(root: Path) -> None:
    talking.write(root / "data_src.mp4", [talking.grey(number) for number in range(4)])


def _briefly(root: Path) -> None:
    talking.write(
        root / "data_src.mp4", [talking.grey(0)] * 4 + [talking.frame(n) for n in range(3)] + [talking.grey(0)] * 9
    )


def _torn(root: Path) -> None:
    content = (root / "data_src.mp4").read_bytes()
    (root / "data_src.mp4").write_bytes(content[: len(content) // 2])


def _still(root: Path) -> None:
    (root / "data_src.mp4").unlink()
    (root / "data_src.gif").write_bytes(encode(talking.grey(0), "png"))


BAD = {
    "no clip": (_empty, "There is no clip in ws"),
    "two clips": (_two, "more than one clip"),
    "nobody": (_nobody, "No face was found in data_src.mp4"),
    "a face for three frames": (_briefly, "3 frames or fewer"),
    "a torn clip": (_torn, "cut off or damaged"),
    "a picture called gif": (_still, "is not an MP4"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_clip_is_said_in_one_sentence(fresh: Path, figment: Run, case: str) -> None:
    spoil, expected = BAD[case]
    spoil(fresh)
    before = sorted(path.name for path in fresh.iterdir())
    code, _, err = figment("swap", "extract", "src", "-w", "ws")
    assert code == 2
    assert expected in err
    assert err.count("\n") == 1
    assert set(before) <= {path.name for path in fresh.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("status", "-w", "nowhere"), "There is no folder nowhere"),
        (("sort", "src", "-w", "ws"), "There are no faces of data_src yet"),
        (("pack", "dst", "-w", "ws"), "There are no faces of data_dst yet"),
        (("train", "-w", "ws", "--src-consent", "anna"), "Name the consent of both people"),
        (("merge", "-w", "ws", "--interactive", "--erode", "3"), "takes its settings by keys"),
        (("merge", "-w", "ws", "--erode", "900"), "erode"),
        (("extract", "src", "-w", "ws", "--size", "5"), "size"),
        (("extract", "src", "-w", "ws", "--detector", "eyes"), "eyes"),
        (("extract", "src", "-w", "ws", "--corrections", "none.json"), "Cannot read the corrections"),
        (("import", "model", "ws", "-w", "ws"), "Quick96"),
    ],
)
def test_bad_requests_are_refused(fresh: Path, figment: Run, arguments: tuple[str, ...], expected: str) -> None:
    code, _, err = figment("swap", *arguments)
    assert code == 2
    assert expected in err


def test_faces_are_sorted_left_out_and_taken_in_again(fresh: Path, figment: Run) -> None:
    assert figment("swap", "extract", "src", "-w", "ws") == (0, f"{COUNT} faces\n", "")
    code, out, _ = figment("swap", "sort", "src", "-w", "ws", "--by", "final", "--target", "4")
    assert (code, out) == (0, f"{COUNT - 4} left out\n")
    assert figment("swap", "sort", "src", "-w", "ws", "--by", "blur", "--restore")[1] == "0 left out\n"
    assert len(Workspace(fresh).src.faceset) == COUNT
    assert figment("swap", "pack", "src", "-w", "ws")[1] == "ws/data_src/aligned.faces\n"
    assert figment("swap", "export", "src", "theirs", "-w", "ws")[1] == f"{COUNT} faces\n"
    shutil.move(fresh / "data_src/aligned", fresh / "away")
    assert figment("swap", "import", "src", "theirs", "-w", "ws")[1] == f"{COUNT} faces\n"
    shutil.rmtree(fresh / "data_src/aligned")
    assert figment("swap", "unpack", "src", "-w", "ws")[1] == f"{COUNT} faces\n"
    assert "blur" in figment("swap", "sort", "src", "--by", "list")[1]


def test_several_people_are_shown_and_one_is_chosen(fresh: Path, figment: Run) -> None:
    both = [np.concatenate([talking.frame(n), talking.frame(n)[:, ::-1] // 2], axis=1) for n in range(6)]
    talking.write(fresh / "data_src.mp4", both)
    code, _, err = figment("swap", "extract", "src", "-w", "ws")
    assert code == 2
    assert "2 people are seen in data_src: 1 in 6 frames, 2 in 6 frames" in err
    assert "ws/people_src.png" in err
    assert inspect(fresh / "people_src.png").verdict == "signed"
    assert Workspace(fresh).src.pictures == []  # the sheet is none of the frames
    assert figment("swap", "extract", "src", "-w", "ws", "--person", "2")[1] == "6 faces\n"
    left = Workspace(fresh).src.faceset.faces(dropped=True)
    assert {face.dropped for face in left} == {"person 1, not 2"}
    assert "no person 3" in figment("swap", "extract", "src", "-w", "ws", "--person", "3")[2]
