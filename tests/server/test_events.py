"""Events as they are streamed."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from figment.core.task import Progress
from figment.server.events import Watcher, stream
from figment.server.native import view
from figment.studio.jobs.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(tmp_path / "jobs.db")
    yield opened
    opened.close()


def _read(text: str) -> list[tuple[int, str, str]]:
    """Number, event and job of each."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:3] in ("id:", "eve", "dat"))
        if lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])["id"]))
    return found


def test_one_job_to_its_end_and_again_from_a_number(client: TestClient) -> None:
    store: JobStore = client.app.state.studio.store  # type: ignore[attr-defined]  # starlette types it as any ASGI app
    id = store.submit("create", {}).id
    store.submit("create", {})
    store.claim("one", ("create",), 30)
    store.progress(id, 1, Progress(1, 2))
    store.finish(id, 1, {})
    told = _read(client.get("/api/events", params={"job": id}).text)
    assert [what for _, what, _ in told] == ["queued", "running", "progress", "done"]
    assert {job for *_, job in told} == {id}
    again = client.get("/api/events", params={"job": id}, headers={"Last-Event-ID": str(told[1][0])})
    assert _read(again.text) == told[2:]
    assert client.get("/api/events", params={"job": "none"}).status_code == 404


def test_what_another_process_writes_is_told_soon(store: JobStore, tmp_path: Path) -> None:
    """Its own opening of the file stands for the other process."""
    other = JobStore(tmp_path / "jobs.db")
    mine, theirs = other.submit("create", {}, "ann").id, other.submit("create", {}, "bob").id

    async def listen() -> list[tuple[int, str, str]]:
        watcher = Watcher(store)
        watching = asyncio.create_task(watcher.run())
        told: list[tuple[int, str, str]] = []
        events = stream(watcher, 0, lambda jobs: [{"id": view(job).id} for job in jobs], user="ann")
        async with asyncio.timeout(5):
            async for text in events:
                told += _read(text)
                if len(told) == 1 and told[0][1] == "queued":
                    await asyncio.to_thread(other.cancel, theirs)
                    await asyncio.to_thread(other.cancel, mine)
                if len(told) == 2:
                    break
        assert (await watcher.ended(mine, 1)).state == "cancelled"
        watching.cancel()
        return told

    told = asyncio.run(listen())
    assert [(what, job) for _, what, job in told] == [("queued", mine), ("cancelled", mine)]
    other.close()


def test_waiting_ends_with_its_time(store: JobStore) -> None:
    id = store.submit("create", {}).id
    assert asyncio.run(Watcher(store).ended(id, 0.05)).state == "queued"
