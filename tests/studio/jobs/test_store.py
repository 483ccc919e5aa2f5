"""The queue on disk: whose turn it is, who may write, and what is left after a crash."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from figment.core.errors import InputError
from figment.core.task import Progress
from figment.studio.jobs.fairness import CRASHES
from figment.studio.jobs.forecast import Seat
from figment.studio.jobs.job import LeaseLost, NoSuchJob, QueueFull
from figment.studio.jobs.store import JobStore

KINDS = ("create",)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "jobs.db")
    yield made
    made.close()


def test_a_job_runs_from_queue_to_result(store: JobStore) -> None:
    job = store.submit("create", {"prompt": "사과"})
    assert (job.state, job.parameters) == ("queued", {"prompt": "사과"})
    held = store.claim("one", KINDS, 30)
    assert held is not None
    assert (held.id, held.state, held.fence) == (job.id, "running", 1)
    assert store.claim("two", KINDS, 30) is None
    assert not store.progress(job.id, 1, Progress(0, 10, "draw"))
    time.sleep(0.05)
    store.progress(job.id, 1, Progress(5, 10, "draw", {"loss": 0.5}), preview="5.jpg")
    seen = store.get(job.id)
    assert (seen.step, seen.total, seen.note, seen.metrics, seen.preview) == (5, 10, "draw", {"loss": 0.5}, "5.jpg")
    assert seen.eta == pytest.approx(0.05, rel=0.9)
    store.finish(job.id, 1, {"files": ["a.png"]})
    done = store.get(job.id)
    assert (done.state, done.result, done.eta) == ("done", {"files": ["a.png"]}, None)


def test_a_reopened_file_has_everything(store: JobStore, tmp_path: Path) -> None:
    job = store.submit("create", {}, user="ann")
    again = JobStore(tmp_path / "jobs.db")
    assert again.get(job.id) == job
    again.close()


def test_one_key_is_one_job(store: JobStore) -> None:
    first = store.submit("create", {"a": 1}, key="k")
    assert store.submit("create", {"a": 1}, key="k").id == first.id
    assert store.submit("create", {"a": 1}, user="bob", key="k").id != first.id
    with pytest.raises(InputError, match="another job"):
        store.submit("create", {"a": 2}, key="k")


def test_a_slow_forecast_is_told_again_for_a_while(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figment.studio.jobs.store.SLOW", 60.0)
    seats = [Seat("one", KINDS)]
    first = store.submit("create", {})
    assert list(store.forecast(seats)) == [first.id]
    store.cancel(first.id)
    assert store.forecast(seats) == {}  # a quick one is made anew
    monkeypatch.setattr("figment.studio.jobs.store.SLOW", 0.0)
    monkeypatch.setattr("figment.studio.jobs.store.REST", 1e9)
    second = store.submit("create", {})
    assert store.forecast(seats) == {}
    monkeypatch.setattr("figment.studio.jobs.store.REST", 0.0)
    assert list(store.forecast(seats)) == [second.id]


def test_users_are_passed_over(store: JobStore) -> None:
    for user in ("ann", "bob", "ann"):
        store.submit("create", {}, user=user)
    held = store.claim("one", KINDS, 30, without=("ann", "eve"))
    assert held is not None
    assert held.user == "bob"
    assert store.claim("one", KINDS, 30, without=("ann",)) is None
    assert store.claim("one", KINDS, 30) is not None


def test_an_old_worker_cannot_write(store: JobStore) -> None:
    job = store.submit("create", {})
    assert store.claim("slow", KINDS, 0.01)
    time.sleep(0.02)
    assert store.sweep() == 1
    second = store.claim("quick", KINDS, 30)
    assert second is not None
    assert second.fence == 2
    for write in (
        lambda: store.beat(job.id, 1, 30),
        lambda: store.progress(job.id, 1, Progress(1, 2)),
        lambda: store.settle(job.id, 1, {}, {}),
        lambda: store.finish(job.id, 1, {}),
        lambda: store.fail(job.id, 1, "no"),
    ):
        with pytest.raises(LeaseLost):
            write()
    store.finish(job.id, 2, {"by": "quick"})
    with pytest.raises(LeaseLost):
        store.finish(job.id, 2, {"by": "quick again"})
    assert store.get(job.id).result == {"by": "quick"}


def test_a_beat_keeps_the_lease(store: JobStore) -> None:
    job = store.submit("create", {})
    store.claim("one", KINDS, 0.01)
    store.beat(job.id, 1, 30)
    time.sleep(0.02)
    assert store.sweep() == 0


def test_a_job_that_kills_its_workers_is_given_up(store: JobStore) -> None:
    job = store.submit("create", {})
    for _ in range(CRASHES):
        assert store.claim("one", KINDS, 30)
        store.abandon("one")
    failed = store.get(job.id)
    assert (failed.state, failed.crashes) == ("failed", CRASHES)
    assert "died" in failed.error


def test_a_job_that_gets_further_each_time_is_not(store: JobStore) -> None:
    job = store.submit("create", {})
    for fence in range(1, 3 * CRASHES):
        assert store.claim("one", KINDS, 30)
        store.progress(job.id, fence, Progress(fence, 100))
        store.abandon("one")
    assert (store.get(job.id).state, store.get(job.id).crashes) == ("queued", 1)


def test_a_restart_blames_no_job(store: JobStore) -> None:
    job = store.submit("create", {})
    for _ in range(2 * CRASHES):
        assert store.claim("one", KINDS, 30)
        assert store.recover() == 1
    assert (store.get(job.id).state, store.get(job.id).crashes) == ("queued", 0)


def test_cancelling(store: JobStore) -> None:
    waiting, running = store.submit("create", {}), store.submit("create", {})
    assert store.cancel(waiting.id).state == "cancelled"
    store.claim("one", KINDS, 30)
    assert store.cancel(running.id).cancelling
    assert store.progress(running.id, 1, Progress(1, 2))
    store.abandon("one")
    assert store.get(running.id).state == "cancelled"
    assert store.cancel(running.id).state == "cancelled"


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.db", capacity=3, per_user=2)
    store.submit("create", {}, "ann", key="first")
    store.submit("create", {}, "ann")
    with pytest.raises(QueueFull, match="You have 2") as full:
        store.submit("create", {}, "ann")
    assert full.value.retry_after >= 1
    with pytest.raises(QueueFull, match="You have 2"):
        store.check_room("ann")
    store.check_room("ann", "first")
    assert store.submit("create", {}, "ann", key="first")
    store.check_room("bob")
    store.submit("create", {}, "bob")
    with pytest.raises(QueueFull, match="There are 3"):
        store.submit("create", {}, "cid")
    store.close()


def _order(store: JobStore) -> list[str]:
    users = []
    while job := store.claim("one", KINDS, 30):
        users.append(job.user)
        store.finish(job.id, job.fence, {})
    return users


def test_many_jobs_of_one_user_do_not_keep_another_waiting(store: JobStore) -> None:
    for _ in range(20):
        store.submit("create", {}, "ann")
    for _ in range(5):
        first = store.claim("one", KINDS, 30)
        assert first is not None
        store.finish(first.id, 1, {})
    store.submit("create", {}, "bob")
    assert "bob" in _order(store)[:2]


def test_turns_are_by_work_and_not_by_number(store: JobStore) -> None:
    for _ in range(4):
        store.submit("create", {}, "ann", cost=3)
    for _ in range(12):
        store.submit("create", {}, "bob", cost=1)
    assert _order(store)[:8].count("bob") == 6


def test_idling_earns_nothing(store: JobStore) -> None:
    store.submit("create", {}, "bob")
    _order(store)
    for _ in range(20):
        store.submit("create", {}, "ann")
    for _ in range(10):
        job = store.claim("one", KINDS, 30)
        assert job is not None
        store.finish(job.id, 1, {})
    for _ in range(10):
        store.submit("create", {}, "bob")
    assert 4 <= _order(store)[:10].count("bob") <= 6


def test_others_see_no_job_of_mine(store: JobStore) -> None:
    job = store.submit("create", {}, "ann")
    with pytest.raises(NoSuchJob):
        store.get(job.id, "bob")
    with pytest.raises(NoSuchJob):
        store.cancel(job.id, "bob")
    assert store.jobs("bob") == []
    assert store.events(user="bob") == []


def test_pages_of_jobs(store: JobStore) -> None:
    made = [store.submit("create", {"n": n}).id for n in range(5)]
    page = [job.id for job in store.jobs(limit=2)]
    assert page == made[:-3:-1]
    assert [job.id for job in store.jobs(before=page[-1], limit=9)] == made[2::-1]
    assert [job.id for job in store.jobs(state="running")] == []
    other = [store.submit(kind, {}).id for kind in ("train", "verify", "train")]
    assert [job.id for job in store.jobs(kinds=("train",))] == other[::-2]
    found = store.jobs(before=other[2], limit=3, kinds=("verify", "create"))
    assert [job.id for job in found] == [other[1], *made[:2:-1]]


def test_events_tell_each_change_and_the_newest_progress(store: JobStore) -> None:
    job = store.submit("create", {})
    store.claim("one", KINDS, 30)
    for step in range(1, 4):
        store.progress(job.id, 1, Progress(step, 3))
    store.finish(job.id, 1, {})
    events = store.events()
    assert [event.what for event in events] == ["queued", "running", "progress", "done"]
    assert store.events(after=events[2].number)[0].what == "done"
    assert store.last_event == events[-1].number


def test_curves_are_thinned(store: JobStore) -> None:
    job = store.submit("create", {})
    store.claim("one", KINDS, 30)
    for step in range(1, 2001):
        store.progress(job.id, 1, Progress(step, 2000, metrics={"loss": 1 / step}))
    points = store.points(job.id)
    assert 490 <= len(points) <= 510
    assert (points[0], points[-1]) == ((1, {"loss": 1.0}), (2000, {"loss": 1 / 2000}))


def test_the_oldest_are_forgotten(store: JobStore) -> None:
    made = [store.submit("create", {}).id for _ in range(5)]
    for id in made[:4]:
        store.cancel(id)
    assert store.prune(2) == made[:2]
    assert [job.id for job in store.jobs()] == made[:1:-1]
    assert {event.job.id for event in store.events()} == set(made[2:])


def test_threads_and_openings_take_each_job_once(store: JobStore, tmp_path: Path) -> None:
    made = {store.submit("create", {}).id for _ in range(40)}
    taken: list[str] = []

    def work(name: str) -> None:
        own = JobStore(tmp_path / "jobs.db")
        while job := own.claim(name, KINDS, 30):
            taken.append(job.id)
            own.finish(job.id, job.fence, {})
        own.close()

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    assert all(store.wait(id, 10).state == "done" for id in made)
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(made)
