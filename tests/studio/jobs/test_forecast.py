"""When waiting jobs are said to begin and end, against what then happens to them."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from figment.core.task import Progress
from figment.studio.jobs import fairness, forecast
from figment.studio.jobs.fairness import Read
from figment.studio.jobs.forecast import UNKNOWN, Expected, Seat
from figment.studio.jobs.job import Job
from figment.studio.jobs.store import JobStore

SLOW = {"request": {"prompt": "a", "model": "slow"}}
QUICK = {"request": {"prompt": "a", "model": "quick"}}
SEATS = [Seat("one", ("create", "enlarge")), Seat("none", ("verify",))]


class Clock:
    """The time of day, which stands still until it is moved on."""

    now = 1e9

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made.time)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "jobs.db")
    yield made
    made.close()


def _done(store: JobStore, clock: Clock, seconds: float, worker: str = "one") -> Job:
    """The next job, done in so many seconds."""
    job = store.claim(worker, ("create",), 1e6)
    assert job is not None
    clock.now += seconds
    store.finish(job.id, job.fence, {})
    return job


def _said(store: JobStore, *ids: str) -> list[tuple[float | None, float | None]]:
    found = store.forecast(SEATS)
    return [(found.get(id, UNKNOWN).begins, found.get(id, UNKNOWN).ends) for id in ids]


def test_nothing_is_said_before_anything_was_measured(store: JobStore) -> None:
    first, second = store.submit("create", SLOW), store.submit("create", SLOW)
    assert _said(store, first.id, second.id) == [(0, None), (None, None)]
    assert store.forecast([]) == {}


def test_jobs_of_a_sort_are_measured_by_their_cost(store: JobStore, clock: Clock) -> None:
    store.submit("create", SLOW, cost=2)
    _done(store, clock, 20)
    store.submit("create", QUICK, cost=2)
    _done(store, clock, 2)
    slow, quick = store.submit("create", SLOW, cost=3), store.submit("create", QUICK, cost=3)
    assert _said(store, slow.id, quick.id) == [(0, 30), (30, 33)]


def test_the_last_ones_count_most(store: JobStore, clock: Clock) -> None:
    for seconds in (100, *[10] * 20):
        store.submit("create", SLOW)
        _done(store, clock, seconds)
    (said,) = _said(store, store.submit("create", SLOW).id)
    assert said[1] == pytest.approx(10, rel=0.03)


def test_what_is_said_of_many_users_is_what_happens(store: JobStore, clock: Clock) -> None:
    """Turns are taken as they will be, by the work that each was given, whatever order they came in."""
    for parameters, seconds in ((SLOW, 7.0), (QUICK, 0.5)):
        store.submit("create", parameters)
        _done(store, clock, seconds)
    for number in range(12):
        store.submit("create", SLOW, "ann", cost=1 + number % 3)
    _done(store, clock, 7)
    for number in range(9):
        store.submit("create", QUICK if number % 2 else SLOW, "bob", cost=2)
    store.submit("create", QUICK, "cid", cost=5)
    said, began = store.forecast(SEATS), clock.now
    assert len(said) == 21
    for _ in range(21):
        job = store.claim("one", ("create",), 1e6)
        assert job is not None
        assert said[job.id].begins == pytest.approx(clock.now - began)
        clock.now += job.cost * (7 if job.parameters == SLOW else 0.5)
        assert said[job.id].ends == pytest.approx(clock.now - began)
        store.finish(job.id, 1, {})


def test_a_running_job_is_waited_for(store: JobStore, clock: Clock) -> None:
    store.submit("create", SLOW)
    _done(store, clock, 10)
    running, waiting = store.submit("create", SLOW), store.submit("create", SLOW)
    store.claim("one", ("create",), 1e6)
    clock.now += 4
    assert _said(store, running.id, waiting.id) == [(None, 6), (6, 16)]
    store.progress(running.id, 1, Progress(0, 100))
    clock.now += 3
    store.progress(running.id, 1, Progress(10, 100))  # it is slower this time, as its own steps tell
    assert _said(store, running.id, waiting.id) == [(None, 27), (27, 37)]
    clock.now += 40
    assert _said(store, running.id, waiting.id) == [(None, 0), (0, 10)]


def test_of_a_job_that_is_overdue_nothing_is_said(store: JobStore, clock: Clock) -> None:
    store.submit("create", SLOW)
    _done(store, clock, 10)
    running, waiting = store.submit("create", SLOW), store.submit("create", SLOW)
    store.claim("one", ("create",), 1e6)
    clock.now += 11
    assert _said(store, running.id, waiting.id) == [(None, None), (None, None)]


def _held(store: JobStore) -> Job:
    """The next job, that has told how far it is."""
    job = store.claim("one", ("create",), 1e6)
    assert job is not None
    store.progress(job.id, job.fence, Progress(0, 100))
    return job


def _two_together(store: JobStore, clock: Clock) -> None:
    """Two jobs that are done at once: each has its worker for 20 seconds in all."""
    for _ in range(2):
        store.submit("create", SLOW)
    first = _held(store)
    clock.now += 10
    second = _held(store)
    clock.now += 20
    store.finish(first.id, 1, {})
    clock.now += 10
    store.finish(second.id, 1, {})


def test_jobs_that_are_done_together_share_the_time(store: JobStore, clock: Clock) -> None:
    _two_together(store, clock)
    store.submit("create", QUICK)
    _done(store, clock, 5)
    together = [store.submit("create", SLOW), store.submit("create", SLOW)]
    other, last = store.submit("create", QUICK), store.submit("create", SLOW)
    assert _said(store, *(job.id for job in (*together, other, last))) == [(0, 40), (0, 40), (40, 45), (45, 65)]
    for _ in range(2):
        running = _held(store)
    clock.now += 10
    for job in together:
        store.progress(job.id, 1, Progress(25, 100))
    assert running.id == together[1].id
    assert _said(store, *(job.id for job in (*together, other))) == [(None, 30), (None, 30), (30, 35)]


def test_a_longer_one_goes_on_alone_when_the_others_are_done(store: JobStore, clock: Clock) -> None:
    _two_together(store, clock)
    long, short = store.submit("create", SLOW, cost=3), store.submit("create", SLOW)
    assert _said(store, long.id, short.id) == [(0, 80), (0, 40)]


def test_nobody_takes_the_last_seat_beside_others_of_his_own(store: JobStore, clock: Clock) -> None:
    _two_together(store, clock)
    jobs = [store.submit("create", SLOW, "ann") for _ in range(fairness.SEATS)]
    begins = [begun for begun, _ in _said(store, *(job.id for job in jobs))]
    assert begins[: fairness.SEATS // 2] == [0] * (fairness.SEATS // 2)
    assert all(begun for begun in begins[fairness.SEATS // 2 :])


def test_what_a_job_waited_for_in_its_workers_hands_is_not_its_own(store: JobStore, clock: Clock) -> None:
    for parameters in (SLOW, QUICK):
        store.submit("create", parameters)
    first = _held(store)
    clock.now += 2
    held = store.claim("one", ("create",), 1e6)
    assert held is not None
    clock.now += 18
    store.finish(first.id, 1, {})
    clock.now += 1
    store.progress(held.id, 1, Progress(0, 100))
    clock.now += 2
    store.finish(held.id, 1, {})
    slow, quick = store.submit("create", SLOW), store.submit("create", QUICK)
    assert _said(store, slow.id, quick.id) == [(0, 20), (20, 23)]


def test_two_workers_share_what_waits(store: JobStore, clock: Clock) -> None:
    store.submit("create", SLOW)
    _done(store, clock, 10)
    jobs = [store.submit("create", SLOW, cost=cost) for cost in (3, 1, 1, 1)]
    seats = [Seat("one", ("create",)), Seat("two", ("create",))]
    assert [store.forecast(seats)[job.id] for job in jobs] == [
        Expected(0, 30),
        Expected(0, 10),
        Expected(10, 20),
        Expected(20, 30),
    ]


def test_other_kinds_have_their_own_workers(store: JobStore, clock: Clock) -> None:
    store.submit("create", SLOW)
    _done(store, clock, 10)
    store.submit("create", SLOW)
    looked = store.submit("verify", {"file": "a.png"})
    assert _said(store, looked.id) == [(0, None)]


def test_only_whole_and_successful_runs_are_measured(store: JobStore, clock: Clock) -> None:
    failed = store.submit("create", SLOW)
    store.claim("one", ("create",), 1e6)
    clock.now += 5
    store.fail(failed.id, 1, "no")
    store.submit("create", SLOW)
    store.claim("one", ("create",), 1e6)
    clock.now += 5
    store.recover()
    _done(store, clock, 5)
    assert _said(store, store.submit("create", SLOW).id) == [(0, None)]


def test_a_forecast_is_worked_out_once_for_all_who_ask(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[float] = []

    def counted(read: Read, seats: Sequence[Seat], now: float) -> dict[str, Expected]:
        worked.append(now)
        return forecast.forecast(read, seats, now)

    monkeypatch.setattr("figment.studio.jobs.store.forecast", counted)
    job = store.submit("create", SLOW)
    for _ in range(3):
        store.forecast(SEATS)
    assert len(worked) == 1
    store.cancel(job.id)
    assert store.forecast(SEATS) == {}
    clock.now += 2
    store.forecast(SEATS)
    assert len(worked) == 3
