"""A server without workers in a folder with a tiny model, and who asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from figment.server.app import app
from figment.server.settings import Settings

HERE = "http://127.0.0.1:7860"


@pytest.fixture
def client(tiny_run: Path) -> Iterator[TestClient]:
    """The user of this computer, where no key is asked for."""
    with TestClient(app(Settings(tiny_run, work=False, capacity=4, per_user=3)), base_url=HERE) as client:
        yield client


@pytest.fixture
def locked(tiny_run: Path) -> Iterator[TestClient]:
    """A server that asks for a key."""
    with TestClient(app(Settings(tiny_run, work=False, token="a-long-enough-token")), base_url=HERE) as client:
        yield client
