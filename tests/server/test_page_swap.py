"""A face swap in a real browser: frames merged one by one to be looked at, with DeepFaceLab's keys."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from tests.faceswap import talking
from tests.server.browser import CHROMIUM, WAIT, visiting

from figment.core.task import finish
from figment.faceswap.merge.session import Session
from figment.faceswap.workspace import Workspace
from figment.studio.swap_consent import declare
from figment.studio.swap_run import RunSettings, run_all
from figment.trust.consent import Consent, Scope, Subject
from figment.trust.ledger import Ledger
from figment.trust.verify import inspect

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here.")
COUNT = 4
PRESS = """(editor, keys) => {
    for (const key of keys) editor.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}))
}"""
LONG = 2 * WAIT
"""Milliseconds that the first job may take: networks are loaded, and clips looked through."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A studio with the finished swap film, whose network has learnt for one step."""
    root = tmp_path_factory.mktemp("studio")
    workspace, ledger = Workspace(root / "swaps/film"), Ledger()
    workspace.root.mkdir(parents=True)
    for name, light, alias in (("src", 0.8, "anna"), ("dst", 1.0, "boris")):
        frames = [talking.frame(number, light) for number in range(COUNT)]
        talking.write(workspace.root / f"data_{name}.mp4", frames)
        scopes = (Scope.TRAIN, Scope.SWAP)
        ledger.add(Consent(Subject.FICTIONAL, alias, scopes, "a test"), age=None, confirmed=True)
    declare(workspace, "anna", "boris")
    finish(run_all(workspace, RunSettings(iterations=1)))
    return root


def test_a_frame_is_merged_with_the_settings_in_hand(page: Page, root: Path) -> None:
    editor = _opened(page)
    first = _picture(editor)
    assert inspect(root / "swaps/film/merge_frame.jpg").verdict == "signed"
    editor.press("`")  # original
    expect(editor.get_by_role("combobox", name="Mode")).to_have_value("original")
    original = _changed(editor, first)
    apart = np.abs(original.astype(int) - first)
    assert apart[60:140, 80:160].mean() > 4 * apart[:30].mean()  # the face, and marks alone around it
    editor.press("1")
    again = _changed(editor, original)
    assert np.abs(again.astype(int) - first).mean() < 1
    editor.press("v")
    checkers = _changed(editor, again)
    assert np.abs(checkers.astype(int) - again)[:30].mean() > 20
    editor.press("v")
    _changed(editor, checkers)


def test_each_frame_keeps_its_own_settings(page: Page, root: Path) -> None:
    editor = _opened(page)
    editor.press("<")
    expect(editor.get_by_text("Frame 1 of 4")).to_be_visible()
    editor.get_by_label("this frame alone").check()
    editor.focus()
    editor.press("Shift+W")
    editor.press("w")
    expect(editor.get_by_text("Erode: 6")).to_be_visible()
    editor.press(".")
    expect(editor.get_by_text("Frame 2 of 4")).to_be_visible()
    expect(editor.get_by_text("Erode: 0")).to_be_visible()
    editor.press("e")
    expect(editor.get_by_text("Blur: 1")).to_be_visible()
    editor.press("/")
    expect(editor.get_by_text("Frame 3 of 4")).to_be_visible()
    expect(editor.get_by_text("Blur: 1")).to_be_visible()
    editor.evaluate(PRESS, "..ww,")  # at once: what the last frame has set is known before it is changed, then on
    expect(editor.get_by_text("Frame 3 of 4")).to_be_visible()
    _rest(editor)
    editor.get_by_role("button", name="The frame before").click()
    editor.get_by_role("button", name="The frame before").click()
    expect(editor.get_by_text("Erode: 6")).to_be_visible()
    _rest(editor)
    workspace = Workspace(root / "swaps/film")
    session = Session(workspace.merged, workspace.dst.digest, COUNT, workspace.put_away)
    assert [(one.erode, one.blur) for one in session.settings()] == [(6, 0), (0, 1), (0, 1), (2, 0)]
    page.reload()
    expect(page.get_by_role("group", name="Merge").get_by_text("Erode: 6")).to_be_visible(timeout=LONG)


def test_what_is_set_for_all_frames_is_merged(page: Page, root: Path) -> None:
    editor = _opened(page)
    editor.get_by_role("button", name="As usual").click()
    editor.get_by_role("combobox", name="Colours").select_option("mkl")
    _rest(editor)
    editor.get_by_role("button", name="Merge all frames").click()
    step = page.get_by_role("listitem").filter(has_text="Put the face into the frames")
    expect(step.get_by_role("button", name="Cancel")).to_be_visible(timeout=WAIT)
    expect(step.get_by_role("button", name="Do: Put the face into the frames")).to_be_enabled(timeout=LONG)
    workspace = Workspace(root / "swaps/film")
    session = Session(workspace.merged, workspace.dst.digest, COUNT, workspace.put_away)
    assert {(one.erode, one.blur, str(one.colour)) for one in session.settings()} == {(0, 0, "mkl")}
    assert len(session.made()) == COUNT


def test_the_result_is_measured_and_its_report_shown(page: Page, root: Path) -> None:
    page.goto("/#/swap/film")
    report = page.get_by_role("region", name="How good it is")
    expect(report.get_by_role("table")).to_have_count(0)
    report.get_by_role("button", name="Measure the result").click()
    expect(report.get_by_role("row", name="frames swapped 4 of 4 (100 %) 100 %")).to_be_visible(timeout=LONG)
    expect(report.get_by_role("img")).to_have_js_property("naturalWidth", 960)
    assert inspect(root / "swaps/film/report.png").verdict == "signed"
    page.reload()
    expect(report.get_by_role("row", name="more like the source")).to_be_visible()
    (root / "swaps/film/result.mp4").touch()  # a newer result than that which was measured
    page.reload()
    expect(report.get_by_role("button", name="Measure the result")).to_be_visible()


def test_sentences_of_the_server_are_told_in_korean(browser: Browser, address: str, root: Path) -> None:
    (root / "swaps/new").mkdir()
    for side in ("src", "dst"):
        talking.write(root / f"swaps/new/data_{side}.mp4", [talking.frame(0)])
    with visiting(browser, address, "ko-KR") as page:
        page.goto("/#/swap/new")
        page.get_by_role("button", name="하기: 첫째 얼굴 정렬").click()
        step = page.get_by_role("listitem").filter(has_text="첫째 얼굴 정렬")
        expect(step).to_contain_text("data_src의 얼굴이 아직 없습니다. 먼저 얼굴을 뽑으세요.", timeout=LONG)
        (root / "swaps/film/report.json").touch()
        page.goto("/#/swap/film")
        measured = page.get_by_role("region", name="얼마나 잘 되었나")
        expect(measured.get_by_role("row", name="바꾼 장면 4개 중 4개 (100 %)")).to_be_visible()


def test_of_several_people_one_is_clicked(page: Page, root: Path, tmp_path: Path) -> None:
    two = [np.concatenate([talking.frame(n), talking.frame(n)[:, ::-1] // 2], axis=1) for n in range(6)]
    for side in ("src", "dst"):
        (root / "swaps/couple").mkdir(exist_ok=True)
        talking.write(root / f"swaps/couple/data_{side}.mp4", two)
    page.goto("/#/swap/couple")
    page.get_by_role("button", name="Do: Take out the first faces").click()
    people = page.get_by_role("region", name="People in the first clip")
    expect(people.get_by_role("img")).to_be_visible(timeout=LONG)
    expect(people.get_by_role("button")).to_have_count(2)
    assert inspect(root / "swaps/couple/people_src.png").verdict == "signed"
    box, second = people.get_by_role("img").bounding_box(), people.get_by_role("button").nth(1).bounding_box()
    assert box is not None
    assert second is not None
    assert abs(second["y"] - box["y"] - box["height"] / 2) < 2  # over the second row of faces
    step = page.get_by_role("listitem").filter(has_text="Take out the first faces")
    expect(step).to_contain_text("Several people are seen: click the one who is meant.")
    people.get_by_role("button", name="Person 2, in 6 frames").click()
    expect(step).to_contain_text("faces 6", timeout=LONG)
    expect(people.get_by_role("button", name="Person 2")).to_have_attribute("aria-pressed", "true")
    left = Workspace(root / "swaps/couple").src.faceset.faces(dropped=True)
    assert {face.dropped for face in left} == {"person 1, not 2"}
    page.get_by_role("button", name="Do: Take out the first faces").click()  # again, of the same person
    expect(step.get_by_role("button", name="Cancel")).to_be_visible()
    expect(step.get_by_role("button", name="Do: Take out the first faces")).to_be_enabled(timeout=LONG)
    expect(step).to_contain_text("faces 6")
    expect(step).not_to_contain_text("Several people")


def _opened(page: Page) -> Locator:
    """The editor of the swap film, with a frame in it and the focus on it."""
    page.goto("/#/swap/film")
    editor = page.get_by_role("group", name="Merge")
    expect(editor.get_by_role("img")).to_have_js_property("naturalWidth", talking.SIDE, timeout=LONG)
    _rest(editor)
    editor.focus()
    return editor


def _rest(editor: Locator) -> None:
    """Wait until all that was asked for is drawn."""
    expect(editor.get_by_role("status")).to_be_empty(timeout=LONG)


def _picture(editor: Locator) -> NDArray[np.uint8]:
    """The picture that is shown."""
    _rest(editor)
    source = editor.get_by_role("img").get_attribute("src")
    assert source is not None
    return np.array(Image.open(io.BytesIO(editor.page.request.get(source).body())))


def _changed(editor: Locator, before: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture that comes after `before`."""
    after = _picture(editor)
    assert not np.array_equal(before, after)
    return after
