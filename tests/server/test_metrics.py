"""Figures for Prometheus: that they are in its format, and that they count what happens."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from figment.studio.jobs.store import JobStore

SAMPLE = re.compile(r'([a-z_]+?)(_bucket|_sum|_count)?(?:\{((?:[a-z]+="[^"\\\n]*",?)+)\})? (-?[0-9.]+(?:e[+-]?\d+)?)')
"""A line of the text format 0.0.4 (Prometheus, "Exposition formats"), without time stamps, which we do not send."""
Labels = frozenset[tuple[str, str]]


@pytest.fixture
def store(client: TestClient) -> JobStore:
    store: JobStore = client.app.state.studio.store  # type: ignore[attr-defined]  # starlette types it as any ASGI app
    return store


def families(text: str) -> dict[str, dict[tuple[str, Labels], float]]:
    """Samples by family, ending and labels; fails for a line that is out of its place or form."""
    assert text.endswith("\n")
    lines = text.splitlines()
    found: dict[str, dict[tuple[str, Labels], float]] = {}
    while lines:
        about, kind = lines.pop(0).split(" ", 3), lines.pop(0).split(" ")
        name = about[2]
        assert (about[:2], kind[:3]) == (["#", "HELP"], ["#", "TYPE", name])
        assert about[3].endswith(".")
        assert kind[3] in ("gauge", "counter", "histogram")
        assert name not in found
        found[name] = {}
        while lines and not lines[0].startswith("#"):
            match = SAMPLE.fullmatch(lines.pop(0))
            assert match
            family, ending, said, value = match.groups()
            if kind[3] != "histogram":
                family, ending = family + (ending or ""), ""
            labels = frozenset(re.findall(r'([a-z]+)="([^"]*)"', said or ""))
            assert family == name
            assert (ending, labels) not in found[name]
            found[name][ending, labels] = float(value)
        assert (kind[3] == "counter") == name.endswith("_total")
    return found


def figures(client: TestClient) -> dict[str, dict[tuple[str, Labels], float]]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return families(answer.text)


def labels(**said: str) -> tuple[str, Labels]:
    return "", frozenset(said.items())


def test_all_that_happens_to_jobs_is_counted(client: TestClient, store: JobStore) -> None:
    before = figures(client)
    assert before["figment_workers"]["", frozenset()] == 0
    done, failed = store.submit("create", {}), store.submit("create", {})
    store.submit("verify", {})
    cancelled = store.submit("verify", {}, "ann")
    store.claim("one", ("create",), 60)
    store.finish(done.id, 1, {})
    store.claim("one", ("create",), 60)
    now = figures(client)
    assert now["figment_queue_depth"][labels(kind="verify")] == 2
    assert now["figment_jobs_running"][labels(kind="create")] == 1
    assert now["figment_jobs"][labels(state="queued")] == 2
    store.fail(failed.id, 1, "no")
    store.cancel(cancelled.id)
    ended = figures(client)["figment_jobs_ended_total"]
    for kind, state in (("create", "done"), ("create", "failed"), ("verify", "cancelled")):
        assert ended[labels(kind=kind, state=state)] == 1
    assert ended[labels(kind="create", state="cancelled")] == ended[labels(kind="verify", state="done")] == 0


def test_what_is_forgotten_stays_counted(client: TestClient, store: JobStore, tiny_run: Path) -> None:
    job = store.submit("create", {})
    store.claim("one", ("create",), 60)
    store.finish(job.id, 1, {})
    store.prune(0)
    again = JobStore(tiny_run / ".figment" / "jobs.db")
    assert again.tallies()["create", "done"].jobs == 1
    again.close()
    assert figures(client)["figment_jobs"][labels(state="done")] == 0
    assert figures(client)["figment_jobs_ended_total"][labels(kind="create", state="done")] == 1


def test_durations_fall_into_classes(client: TestClient, store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1e9
    monkeypatch.setattr("time.time", lambda: now)
    for seconds in (0.5, 0.6, 45, 90_000):
        job = store.submit("create", {})
        store.claim("one", ("create",), 1e6)
        now += seconds
        store.finish(job.id, 1, {})
    found = figures(client)["figment_job_duration_seconds"]
    buckets = {
        dict(said)["le"]: value
        for (ending, said), value in found.items()
        if ending == "_bucket" and ("kind", "create") in said
    }
    assert buckets == {
        "0.5": 1, "1": 2, "2.5": 2, "5": 2, "10": 2, "30": 2, "60": 3, "300": 3, "1800": 3, "7200": 3, "+Inf": 4
    }  # fmt: skip
    kind = frozenset({("kind", "create")})
    assert found["_count", kind] == 4
    assert found["_sum", kind] == pytest.approx(90_046.1)
    assert found["_count", frozenset({("kind", "train")})] == 0


def test_jobs_that_kill_their_workers_are_counted_once(client: TestClient, store: JobStore) -> None:
    store.submit("create", {})
    while store.claim("one", ("create",), 60):
        store.abandon("one")
    assert figures(client)["figment_jobs_ended_total"][labels(kind="create", state="failed")] == 1


def test_requests_are_counted(client: TestClient) -> None:
    client.get("/api/nothing")
    counted = figures(client)["figment_requests_total"]
    assert counted[labels(status="4xx")] == 1
    assert figures(client)["figment_requests_total"][labels(status="2xx")] == 1
