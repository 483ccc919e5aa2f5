"""Servers: one without workers in a folder with a tiny model, and one with them in a test's own; and who asks them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page
from tests.server.browser import started, visiting
from tests.server.live import running

from figment.server.app import app
from figment.server.settings import Settings

HERE = "http://127.0.0.1:7860"


@pytest.fixture
def client(tiny_run: Path) -> Iterator[TestClient]:
    """The user of this computer, where no key is asked for."""
    with TestClient(app(Settings(tiny_run, work=False, capacity=4, per_user=3)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """Of a server with its workers in the folder that the module calls `root`."""
    with running(root) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all visitors of a module."""
    with started() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Of a new visitor at `address`."""
    with visiting(browser, address) as page:
        yield page


@pytest.fixture
def locked(tiny_run: Path) -> Iterator[TestClient]:
    """A server that asks for a key."""
    with TestClient(app(Settings(tiny_run, work=False, token="a-long-enough-token")), base_url=HERE) as client:
        yield client
