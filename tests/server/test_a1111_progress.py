"""How far requests are: whole ones, with the batches that they have still to come."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from figment.core.task import Progress
from figment.server.a1111.asked import asked_for, ended_of, of, pending
from figment.server.a1111.progress import Course, course, internal, told
from figment.studio.jobs.forecast import Expected
from figment.studio.jobs.job import Job
from figment.studio.jobs.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = JobStore(tmp_path / "jobs.db")
    yield made
    made.close()


def queued(store: JobStore, count: int) -> list[Job]:
    return [store.submit("create", {"number": number}) for number in range(count)]


def open_(store: JobStore, jobs: Sequence[Job]) -> list[Job]:
    return [one for one in (store.get(job.id) for job in jobs) if not one.ended]


def run(store: JobStore, step: int, total: int, preview: str | None = None) -> Job:
    job = store.claim("one", ("create",), 60)
    assert job is not None
    store.progress(job.id, job.fence, Progress(0, total))
    store.progress(job.id, job.fence, Progress(step, total, "draw"), preview)
    return store.get(job.id)


def seen(store: JobStore, jobs: Sequence[Job], expected: dict[str, Expected] | None = None) -> Course:
    found = course(open_(store, jobs), expected or {})
    assert found is not None
    return found


def test_nothing_to_do_is_zero() -> None:
    answer = told(course([], {}), None, with_picture=True)
    assert (answer["progress"], answer["eta_relative"], answer["state"]["job_count"]) == (0, 0, 0)


def test_progress_counts_the_batches_of_the_request(store: JobStore) -> None:
    jobs = queued(store, 4)
    with asked_for("local", jobs, "txt2img", "mine"):
        waiting = told(seen(store, jobs), None, with_picture=True)
        assert (waiting["progress"], waiting["state"]["job_count"], waiting["state"]["sampling_steps"]) == (0.01, 4, 0)
        first = run(store, 10, 20)
        assert seen(store, jobs).share == pytest.approx(0.5 / 4)
        store.finish(first.id, 1, {})
        run(store, 5, 20)
        answer = told(seen(store, jobs), None, with_picture=True)
        assert answer["progress"] == pytest.approx(1.25 / 4)
        state = answer["state"]
        assert (state["job_no"], state["job_count"], state["sampling_step"], state["sampling_steps"]) == (1, 4, 5, 20)
        assert of(jobs[2]).ids == tuple(job.id for job in jobs)
    assert of(jobs[2]).ids == (jobs[2].id,)


def test_batches_that_are_drawn_together_count_together(store: JobStore) -> None:
    jobs = queued(store, 2)
    with asked_for("local", jobs, "txt2img"):
        run(store, 10, 20)
        run(store, 5, 20)
        assert seen(store, jobs).share == pytest.approx(0.75 / 2)


def test_the_rest_of_the_request_is_in_its_eta(store: JobStore) -> None:
    jobs = queued(store, 3)
    with asked_for("local", jobs, "txt2img"):
        assert seen(store, jobs).eta == 0
        known = {job.id: Expected(end - 3, end) for job, end in zip(jobs, (6.0, 9.0, 12.0), strict=True)}
        assert seen(store, jobs, known).eta == 12
        job = run(store, 10, 20)
        assert job.eta is not None
        assert job.started is not None
        whole = job.updated - job.started + job.eta
        assert seen(store, jobs).eta == pytest.approx(job.eta + 2 * whole)
        assert seen(store, jobs, known).eta == 12


def test_other_work_of_the_user_is_no_picture(store: JobStore) -> None:
    train = store.submit("train", {})
    assert course(open_(store, [train]), {}) is None


def test_the_web_uis_page_follows_one_request_by_its_name(store: JobStore, tmp_path: Path) -> None:
    first, second = queued(store, 1), queued(store, 1)
    (tmp_path / "preview-1-7.jpg").write_bytes(b"picture")
    with asked_for("local", first, "txt2img", "a"), asked_for("local", second, "txt2img", "b"):
        assert [one.task for one in pending("local")] == ["a", "b"]
        assert pending("ann") == []
        run(store, 7, 20, "preview-1-7.jpg")
        every = open_(store, [*first, *second])
        a, b = (course(every, {}, one) for one in pending("local"))
        answer = internal("a", a, tmp_path, ["b"], [], seen=-1)
        assert (answer["active"], answer["queued"], answer["completed"]) == (True, False, False)
        assert (answer["progress"], answer["id_live_preview"], answer["textinfo"]) == (0.35, 7, "draw")
        assert answer["live_preview"] == f"data:image/jpeg;base64,{base64.b64encode(b'picture').decode()}"
        assert internal("a", a, tmp_path, ["b"], [], seen=7)["live_preview"] is None
        assert internal("a", a, tmp_path, ["b"], [], seen=None)["live_preview"] is None
        waiting = internal("b", b, tmp_path, ["b"], [], seen=-1)
        assert (waiting["active"], waiting["queued"], waiting["textinfo"]) == (False, True, "In queue: 1/1")
    over = internal("a", None, None, [], ended_of("local"), seen=-1)
    assert (over["active"], over["completed"]) == (False, True)
    assert not internal("a", None, None, [], ended_of("ann"), seen=-1)["completed"]
