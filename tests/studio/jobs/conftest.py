"""A folder with a tiny model, and real worker processes in it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from figment.studio.jobs import kinds
from figment.studio.jobs.job import Job
from figment.studio.jobs.places import LOCAL, Places, database_of
from figment.studio.jobs.store import JobStore
from figment.studio.jobs.supervise import Supervisor


def submit(store: JobStore, root: Path, kind: str, values: dict[str, Any], user: str = LOCAL) -> Job:
    """Queue a job as the server does."""
    prepared = kinds.prepared(kind, values, Places(root, user))
    return store.submit(kind, prepared, user, cost=kinds.cost(kind, prepared))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for `condition`, and fail when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.01)


def kill(pid: int) -> None:
    """What nothing can prepare for."""
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def store(tiny_run: Path) -> Iterator[JobStore]:
    opened = JobStore(database_of(tiny_run))
    yield opened
    opened.close()


@pytest.fixture
def studio(tiny_run: Path, store: JobStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    running = Supervisor(tiny_run, store)
    running.start()
    yield running
    running.stop()
