"""The built page in a real browser, against a live server with its worker and the model that ships."""

import base64
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from safetensors.torch import save_file
from tests.diffusion import made
from tests.faceswap import talking
from tests.server.browser import CHROMIUM, WAIT, visiting
from tests.server.live import running

from figment.metrics.estimate import Estimate
from figment.metrics.features import WHICH_WAY
from figment.metrics.modes import Modes
from figment.pixels.files import load, read_text
from figment.studio.evaluate import Comparison, Evaluation, table
from figment.studio.jobs.catalogue import write_catalogue
from figment.studio.jobs.places import database_of
from figment.studio.jobs.store import JobStore

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here.")
SCREENS = ("create", "edit", "gallery", "verify", "train", "swap", "settings")
DROP = """([place, bytes]) => {
    const dataTransfer = new DataTransfer()
    const content = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))
    dataTransfer.items.add(new File([content], "a.png", {type: "image/png"}))
    document.querySelector(place).dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}))
}"""
HOSTILE = "a red apple <img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("studio")
    (root / "models/Stable-diffusion").mkdir(parents=True)
    made.write(root / "models/Stable-diffusion/anything.safetensors")
    (root / "models/Lora").mkdir()
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    lora = {f"{name}.lora_down.weight": torch.ones(4, 32), f"{name}.lora_up.weight": torch.ones(32, 4)}
    save_file(lora, root / "models/Lora/miku.safetensors")
    return root


def test_pictures_are_created_and_say_where_they_come_from(page: Page) -> None:
    _create(page, HOSTILE)
    page.locator("article img").first.click()
    expect(page.locator(".verdict")).to_have_text(
        "Made by this installation of Figment, and unchanged since.", timeout=WAIT
    )
    expect(page.get_by_text(f"{HOSTILE}\nSteps: 2")).to_be_visible()
    assert "hit" not in page.title()


def test_a_dropped_picture_gives_back_its_settings(page: Page, root: Path) -> None:
    _create(page, "a blue pear")
    picture = max((root / "outputs").glob("*/*.png"))
    page.get_by_label("What is to be seen").fill("something else")
    page.evaluate(DROP, ["main", base64.b64encode(picture.read_bytes()).decode()])
    expect(page.get_by_label("What is to be seen")).to_have_value("a blue pear")
    expect(page.get_by_label("Seed", exact=True)).to_have_value(picture.stem.partition("-")[2])


def test_what_is_to_be_the_same_to_the_bit_is_drawn_alone(page: Page, root: Path) -> None:
    page.goto("/#/create")
    page.get_by_label("What is to be seen").fill("a brown nut")
    for name, value in (("Steps", "2"), ("Seed", "5")):
        page.get_by_role("spinbutton", name=name).fill(value)
    alone = page.get_by_role("checkbox", name="The same to the bit each time")
    expect(alone).to_have_accessible_description(re.compile("^Drawn alone"))
    alone.check()
    for _ in range(2):
        with page.expect_response("**/api/jobs") as answer:
            page.keyboard.press("Control+Enter")
        assert answer.value.json()["parameters"]["reproducible"] is True
    cards = page.get_by_role("article", name="a brown nut")
    for number in range(2):
        expect(cards.nth(number)).to_contain_text("Done", timeout=WAIT)
    first, second = sorted((root / "outputs").glob("*/*-5.png"))[-2:]
    assert np.array_equal(load(first), load(second))
    cards.first.get_by_title("Open, with where it comes from").click()
    page.get_by_role("button", name="Take over its settings").click()
    expect(alone).to_be_checked()
    page.reload()
    expect(alone).to_be_checked()
    _choose(page, "anything")
    expect(alone).to_be_checked()


def test_a_checkpoint_is_asked_for_all_that_it_can(page: Page) -> None:
    page.goto("/#/create")
    _choose(page, "anything")
    page.get_by_label("What is to be seen").fill("a (red:1.2) apple")
    expect(page.get_by_text("3 / 75 tokens")).to_be_visible()
    expect(page.locator("mark")).to_have_text("red1.20")
    for name, value in (("Sampler", "Euler a"), ("Schedule", "Karras")):
        page.get_by_role("combobox", name=name).select_option(value)
    for name, number in (("Steps", "2"), ("Width", "64"), ("Height", "64"), ("Guidance", "6.25")):
        page.get_by_role("spinbutton", name=name).fill(number)
    page.get_by_role("button", name="Create (1)").click()
    card = page.get_by_role("article", name="a (red:1.2) apple")
    expect(card).to_contain_text("Done", timeout=WAIT)
    card.get_by_text("From noise to picture").click()
    expect(card.get_by_role("img", name="schedule Karras")).to_be_visible()
    card.get_by_title("Open, with where it comes from").click()
    expect(page.get_by_text("Sampler: Euler a, Schedule type: Karras, CFG scale: 6.25").last).to_be_visible()


def test_a_lora_is_put_into_the_prompt_and_into_the_picture(page: Page, root: Path) -> None:
    page.goto("/#/create")
    _choose(page, "anything")
    prompt = page.get_by_label("What is to be seen")
    prompt.fill("a teapot")
    for name, number in (("Steps", "2"), ("Width", "64"), ("Height", "64"), ("Seed", "3")):
        page.get_by_role("spinbutton", name=name).fill(number)
    page.get_by_role("button", name="Create (1)").click()
    plain = page.get_by_role("article", name="a teapot", exact=True)
    expect(plain).to_contain_text("Done", timeout=WAIT)
    page.get_by_role("button", name="Add a LoRA").click()
    page.get_by_role("dialog", name="Add a LoRA").get_by_role("button", name="miku").click()
    expect(prompt).to_have_value("a teapot <lora:miku:1>")
    page.get_by_role("button", name="Create (1)").click()
    card = page.get_by_role("article", name="a teapot <lora:miku:1>")
    expect(card).to_contain_text("Done", timeout=WAIT)
    expect(card.locator("img").first).to_have_js_property("naturalWidth", 64)
    first, second = sorted((root / "outputs").glob("*/*-3.png"))[-2:]
    assert "Lora hashes" not in read_text(first)
    assert 'Lora hashes: "miku: ' in read_text(second)
    assert np.abs(load(first).astype(int) - load(second)).mean() > 3


def test_a_picture_is_painted_beyond_its_edges(page: Page, root: Path, tmp_path: Path) -> None:
    start = np.full((64, 64, 3), (200, 40, 40), np.uint8)
    Image.fromarray(start).save(tmp_path / "red.png")
    page.goto("/#/edit")
    page.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    _choose(page, "anything")
    page.get_by_label("What is to be seen").fill("a wide field")
    for side, pixels in (("Left", "32"), ("Below", "16")):
        page.get_by_role("spinbutton", name=side).fill(pixels)
    page.get_by_role("button", name="Redo the whole picture").click()
    card = page.get_by_role("article", name="a wide field")
    expect(card).to_contain_text("Done", timeout=WAIT)
    expect(card.locator("img").first).to_have_js_property("naturalWidth", 96)
    picture = load(max((root / "outputs").glob("*/*.png")))
    assert picture.shape == (80, 96, 3)
    kept, beyond = picture[8:56, 40:88].reshape(-1, 3), picture[:, :24].reshape(-1, 3)
    assert kept[:, 0].mean() > kept[:, 1].mean() + 50  # what was there is red still
    assert beyond.std(0).mean() > 3  # what was drawn beside it is no plain colour


def test_a_job_is_cancelled(page: Page) -> None:
    _ask(page, "a green apple", steps=1000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("article").first).to_contain_text("Cancelled", timeout=WAIT)


def test_what_is_painted_over_is_drawn_anew(page: Page, root: Path) -> None:
    _create(page, "a red apple")
    page.locator("article").first.get_by_role("link", name="Edit").click()
    canvas = page.locator("canvas")
    expect(canvas).to_have_js_property("width", 128)
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.up()
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Redo the whole picture")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    page.get_by_role("button", name="Redo what is painted over").click()
    expect(page.locator("article").first).to_contain_text("Done", timeout=WAIT)
    sent = max((root / "uploads").glob("*.png"), key=lambda path: path.stat().st_mtime)
    mask = np.asarray(Image.open(sent).convert("L"))
    assert (mask[32, 32], mask[96, 96]) == (255, 0)


def test_the_gallery_finds_and_compares(page: Page) -> None:
    for prompt in ("a purple grape", "a yellow lemon"):
        _create(page, prompt)
    page.goto("/#/gallery")
    for number in range(2):
        page.locator(".tiles input").nth(number).check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Where one picture ends").fill("20")
    assert "20%" in page.evaluate("getComputedStyle(document.querySelector('img.over')).clipPath")
    page.get_by_label("Search in settings").fill("lemon")
    expect(page.locator(".tiles li")).to_have_count(1)


def test_a_dropped_file_is_verified(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "plain.png")
    page.goto("/#/verify")
    page.locator("label.drop").wait_for()
    page.evaluate(DROP, ["label.drop", base64.b64encode((tmp_path / "plain.png").read_bytes()).decode()])
    expect(page.locator(".verdict")).to_contain_text("Nothing found; that proves nothing", timeout=WAIT)


def test_a_family_is_trained_and_its_curve_drawn(page: Page) -> None:
    page.goto("/#/train")
    page.get_by_role("combobox", name="Family").select_option("vae")
    page.get_by_label("Steps", exact=True).fill("4")
    page.get_by_label("Name of the run").fill("shown")
    page.get_by_role("button", name="Train", exact=True).click()
    card = page.get_by_role("article", name="shown")
    expect(card).to_contain_text("Done", timeout=WAIT)
    expect(card.get_by_role("img", name="at step 4")).to_be_visible()
    expect(page.get_by_role("row", name="shown vae 4")).to_be_visible()


def test_a_swap_goes_step_by_step_and_asks_for_consent(page: Page, tmp_path: Path) -> None:
    clip = talking.write(tmp_path / "clip.mp4", [talking.frame(number) for number in range(3)])
    page.goto("/#/swap")
    page.get_by_label("Name (a").fill("film")
    for number in range(2):
        page.locator("input[type=file]").nth(number).set_input_files(clip)
        expect(page.get_by_text("Sent")).to_have_count(number + 1)
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="Do: Read the first clip").click()
    expect(page.get_by_role("listitem").filter(has_text="Read the first clip")).to_contain_text(
        "Done · frames 3", timeout=WAIT
    )
    train = page.get_by_role("button", name="Do: Train the network")
    expect(train).to_be_disabled()
    page.get_by_label("What the face is to be called").fill("anna")
    page.get_by_label("Age").fill("30")
    page.get_by_label("Purpose").fill("a test")
    page.get_by_label("I confirm this.").check()
    page.get_by_role("button", name="Record", exact=True).click()
    for whose in ("Person whose face is taken", "Person in the clip"):
        page.get_by_role("combobox", name=whose).select_option("anna")
    page.get_by_role("button", name="Name these consents").click()
    expect(train).to_be_enabled()


def test_language_and_appearance_are_kept(page: Page) -> None:
    page.goto("/#/settings")
    page.get_by_label("한국어").check()
    page.get_by_label("어둡게").check()
    page.reload()
    expect(page.get_by_role("heading", name="설정")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert (
        page.evaluate("getComputedStyle(document.body).colorScheme || document.documentElement.dataset.theme")
        != "light"
    )


def test_families_and_comparisons_are_told_in_korean(browser: Browser, tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    row = Evaluation("flow", "flow", 1200, Estimate(3, 2, 4), modes=Modes(9, 10, Estimate(0.1, 0.0, 0.2)))
    rows = (Evaluation("real training pictures", "none"), replace(row, seconds_per_picture=0.25, seconds_trained=7200))
    found = table(Comparison("digits", 1000, WHICH_WAY, rows, np.zeros((1, 1, 3), np.uint8)))
    with running(tmp_path, work=False) as address:
        store = JobStore(database_of(tmp_path))
        job = store.submit("compare", {"models": ["flow"]})
        store.claim("test", ["compare"], 60)
        store.finish(job.id, 1, {"table": found, "files": []})
        with visiting(browser, address, "ko-KR") as page:
            page.goto("/#/train")
            page.get_by_role("combobox", name="모델 계열").select_option("vqvae")
            page.get_by_text("이 계열은 무엇인가").click()
            expect(page.get_by_text("VQ-VAE: 코드북에서 고른 코드 몇 개로 그림을 만들고")).to_be_visible()
            expect(page.get_by_role("definition").first).to_have_text("인코더, 코드북, 디코더")
            card = page.get_by_role("article", name="flow")
            expect(card.get_by_role("row")).to_have_count(3)
            expect(card.get_by_role("columnheader", name="커널 거리 x 1000")).to_be_visible()
            expect(card.get_by_role("row", name="실제 학습 그림 없음 -")).to_be_visible()
            figures = "flow flow 3 [2, 4] - - - - - 10가지 중 9가지, KL 0.1 [0, 0.2] - - 0.25초 120분 1,200"
            expect(card.get_by_role("row", name=figures, exact=True)).to_be_visible()
            expect(card).to_contain_text(
                "저마다 digits 그림 1000장으로 비교했습니다. 거리를 재는 신경망이 배운 것: 어느 쪽이 위인지. 이 거리는 "
                "FID가 아닙니다."
            )


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, address: str, locale: str) -> None:
    with browser.new_context(base_url=address, locale=locale, viewport={"width": 360, "height": 780}) as context:
        page = context.new_page()
        page.set_default_timeout(WAIT)
        for screen in SCREENS:
            page.goto(f"/#/{screen}")
            page.get_by_role("heading").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_wrong_key_is_refused_and_the_right_one_let_in(browser: Browser, tmp_path: Path) -> None:
    token = "a-long-enough-token"
    with running(tmp_path, token=token) as address, browser.new_context(base_url=address, locale="en-US") as context:
        page = context.new_page()
        page.goto("/")
        for key in ("wrong", token):
            page.get_by_label("Key").fill(key)
            page.get_by_role("button", name="Enter").click()
            if key == "wrong":
                expect(page.get_by_role("alert")).to_have_text("This key is not known.")
        expect(page.get_by_label("What is to be seen")).to_be_visible()


def test_accounts_are_added_used_and_removed(browser: Browser, tmp_path: Path) -> None:
    token = "a-long-enough-token"
    with running(tmp_path, token=token) as address, browser.new_context(base_url=address, locale="en-US") as context:
        page = _entered(context, token)
        page.goto("/#/settings")
        accounts = page.get_by_role("region", name="Accounts")
        expect(accounts.get_by_text("There are none yet.")).to_be_visible()
        accounts.get_by_label("Name (a").fill("ann")
        accounts.get_by_role("button", name="Add").click()
        first = accounts.locator("code").inner_text()
        assert first.startswith("fig-")
        page.reload()
        expect(accounts.get_by_role("listitem")).to_have_text(["ann user New key Remove"])
        assert first not in page.content()
        with browser.new_context(base_url=address, locale="en-US") as hers:
            own = _entered(hers, first)
            own.goto("/#/settings")
            expect(own.get_by_text("You are ann (user).")).to_be_visible()
            expect(own.get_by_role("button", name="Add")).to_have_count(0)
            for name in ("New key", "Really? The old one ends"):
                own.get_by_role("button", name=name).click()
            second = own.locator("code").inner_text()
            assert second != first
            own.reload()  # her cookie has the new key
            expect(own.get_by_text("You are ann (user).")).to_be_visible()
            for name in ("Remove", "Really remove"):
                accounts.get_by_role("button", name=name).click()
            expect(accounts.get_by_role("listitem")).to_have_count(0)
            own.reload()
            expect(own.get_by_label("Key")).to_be_visible()


def _entered(context: BrowserContext, key: str) -> Page:
    """A page whose visitor has given the key."""
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.goto("/")
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_label("What is to be seen")).to_be_visible()
    return page


def _choose(page: Page, name: str) -> None:
    """Take another model than the one that ships."""
    page.get_by_role("button", name="sprites-128").click()
    page.get_by_role("button", name=name).click()


def _ask(page: Page, prompt: str, steps: int) -> None:
    page.goto("/#/create")
    page.get_by_label("What is to be seen").fill(prompt)
    page.get_by_label("Steps", exact=True).fill(str(steps))
    with page.expect_response("**/api/jobs") as answer:
        page.keyboard.press("Control+Enter")
    assert answer.value.status == 202
    expect(page.locator("article").first).to_contain_text(prompt)


def _create(page: Page, prompt: str) -> None:
    """Ask for a picture of two steps, and wait for it."""
    _ask(page, prompt, 2)
    expect(page.locator("article").first).to_contain_text("Done", timeout=WAIT)
    expect(page.locator("article img").first).to_have_js_property("naturalWidth", 128)
