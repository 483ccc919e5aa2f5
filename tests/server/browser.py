"""A real browser, and visitors in it: whatever goes wrong in their page, or leaves it for elsewhere, fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["CHROMIUM", "WAIT", "started", "visiting"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT = 90_000
"""Milliseconds that a job of a few steps may take on a computer that is busy with other tests."""


@contextmanager
def started() -> Iterator[Browser]:
    """The browser, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, address: str, locale: str = "en-US") -> Iterator[Page]:
    """A new visitor's page."""
    wrong: list[str] = []
    page = browser.new_page(base_url=address, locale=locale, viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and "load" not in said.text else None
    )
    page.on("response", lambda got: wrong.append(got.url) if got.status >= 400 and "/preview?" not in got.url else None)
    page.on("request", lambda sent: None if sent.url.startswith((address, "blob:")) else wrong.append(sent.url))
    try:
        yield page
    finally:
        page.close()  # a server that is asked to end waits for those who follow its events
    assert not wrong, wrong
