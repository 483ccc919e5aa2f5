"""Real workers that are killed: every job ends once, and its pictures are in the gallery once."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.studio.jobs.conftest import kill, submit, until

from figment.core.errors import InputError
from figment.core.task import Progress
from figment.pixels.files import encode, load
from figment.studio.jobs.catalogue import read_catalogue
from figment.studio.jobs.fairness import SEATS
from figment.studio.jobs.job import LeaseLost
from figment.studio.jobs.kinds import Made
from figment.studio.jobs.places import Places
from figment.studio.jobs.publish import complete, publish
from figment.studio.jobs.store import JobStore
from figment.studio.jobs.supervise import Supervisor
from figment.studio.jobs.worker import Worker

ASKED: dict[str, Any] = {"request": {"prompt": "apple", "model": "tiny", "steps": 2, "size": "16"}}
LONG: dict[str, Any] = {"request": {"prompt": "apple", "model": "tiny", "steps": 1000, "count": 3, "seed": 5}}


def _pictures(root: Path) -> list[Path]:
    """Those in the gallery; what is being made is not looked into, since its folders go away meanwhile."""
    return list((root / "outputs").glob("[!.]*/*.png"))


def test_jobs_through_deaths(tiny_run: Path, store: JobStore, studio: Supervisor) -> None:
    """One process tree for all of this, since each start imports for seconds."""
    first = submit(store, tiny_run, "create", ASKED)
    done = store.wait(first.id, 90)
    assert (done.state, done.error) == ("done", "")
    assert done.result is not None
    (file,) = done.result["files"]
    assert load(tiny_run / file["path"]).shape[2] == 3
    assert "apple" in file["settings"]
    look = store.wait(submit(store, tiny_run, "verify", {"file": file["path"]}).id, 90)
    assert look.result is not None
    assert look.result["report"]

    hers = store.wait(submit(store, tiny_run, "create", ASKED, "ann").id, 90)
    assert hers.result is not None
    assert Places(tiny_run, "ann").file(hers.result["files"][0]["path"]).is_file()
    assert len(_pictures(tiny_run)) == 1

    lora = tiny_run / "models/Lora/broken.safetensors"
    lora.parent.mkdir(parents=True)
    lora.write_bytes(b"no tensors")
    assert store.wait(submit(store, tiny_run, "refresh", {}).id, 90).state == "done"
    (shelved,) = read_catalogue(tiny_run)["shelf"]
    assert (shelved["name"], bool(shelved["fault"])) == ("broken", True)
    assert "Euler a" in read_catalogue(tiny_run)["samplers"]

    bad = store.wait(submit(store, tiny_run, "create", {"request": ASKED["request"] | {"size": "17"}}).id, 90)
    assert bad.state == "failed"
    assert "17" in bad.error

    job = submit(store, tiny_run, "create", LONG)
    until(lambda: store.get(job.id).step > 0)
    stopped = store.cancel(job.id)
    assert stopped.cancelling
    until(lambda: store.get(job.id).ended, 2)
    assert store.get(job.id).state == "cancelled"

    before = len(_pictures(tiny_run))
    job = submit(store, tiny_run, "create", {"request": LONG["request"] | {"steps": 100}})
    until(lambda: store.get(job.id).step > 0)
    kill(studio.pids[0])
    again = store.wait(job.id, 90)
    assert (again.state, again.fence, again.crashes) == ("done", 2, 1)
    assert len(_pictures(tiny_run)) == before + 3
    until(lambda: not list((tiny_run / "outputs/.making").iterdir()), 5)

    asked = {"family": "vqvae", "data": ["digits"], "steps": 40, "batch": 4, "run": "killed", "save_minutes": 0}
    job = submit(store, tiny_run, "train", asked)
    until(lambda: store.get(job.id).step >= 12)
    kill(studio.pids[0])
    until(lambda: store.get(job.id).fence == 2 and store.get(job.id).step > 0)
    assert store.get(job.id).step >= 9, "it began anew"
    trained = store.wait(job.id, 90)
    assert (trained.state, trained.error) == ("done", "")
    assert (tiny_run / "runs/killed/model.safetensors").is_file()


def test_the_preview_that_is_named_is_there(tiny_run: Path, store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every moment: a newer one is written and named before the one before is removed."""
    monkeypatch.setattr("figment.studio.jobs.worker.REPORTS", 0.0)
    monkeypatch.setattr("figment.studio.jobs.worker.PREVIEWS", 0.0)
    worker = Worker(tiny_run, "here", ("create",))
    tell, shown = worker.store.progress, list[tuple[str, bytes | None]]()

    def told(id: str, fence: int, report: Progress, preview: str | None = None) -> bool:
        def look() -> None:
            seen = store.get(id)
            if seen.preview:
                shown.append((seen.preview, seen.picture(Places(tiny_run).job(id))))

        look()
        stop = tell(id, fence, report, preview)
        look()
        return stop

    monkeypatch.setattr(worker.store, "progress", told)
    job = submit(store, tiny_run, "create", {"request": ASKED["request"] | {"steps": 5}, "preview": True})
    working = threading.Thread(target=worker.work)
    working.start()
    done = store.wait(job.id, 60)
    worker.ending.set()
    working.join()
    worker.store.close()
    assert done.state == "done"
    assert len({name for name, _ in shown}) > 2
    assert all(picture for _, picture in shown)
    assert done.picture(Places(tiny_run).job(job.id)) is None  # what was made takes its place


def test_jobs_of_one_model_are_done_together(tiny_run: Path, store: JobStore, studio: Supervisor) -> None:
    """Those of several users at once, each with its own settings, as alike as the same job done alone."""

    def asked(number: int, *, alone: bool = False) -> dict[str, Any]:
        request = {"prompt": "apple", "model": "tiny", "steps": 40 + number, "seed": number, "guidance": 2 + number % 2}
        return {"request": request, "reproducible": alone}

    first = submit(store, tiny_run, "create", asked(0))
    assert store.wait(first.id, 90).state == "done"  # the model is loaded
    jobs = [submit(store, tiny_run, "create", asked(number), user) for number, user in enumerate(("ann", "bob", "ann"))]
    alone = submit(store, tiny_run, "create", asked(1, alone=True), "bob")
    most, beside = 0, False
    while not store.get(alone.id).ended:
        running = store.jobs(state="running")
        most = max(most, len(running))
        beside |= any(job.id == alone.id and job.step for job in running) and len(running) > 1
    assert most >= 3
    assert not beside

    def picture(id: str, user: str) -> NDArray[np.int16]:
        done = store.wait(id, 60)
        assert done.result is not None, done.error
        return load(Places(tiny_run, user).file(done.result["files"][0]["path"])).astype(np.int16)

    assert np.abs(picture(jobs[1].id, "bob") - picture(alone.id, "bob")).max() <= 1
    assert np.abs(picture(first.id, "local") - picture(jobs[0].id, "ann")).max() <= 1


def test_nobody_takes_the_last_seats(tiny_run: Path, store: JobStore, studio: Supervisor) -> None:
    long = {"request": LONG["request"] | {"count": 1}}
    hers = [submit(store, tiny_run, "create", long, "ann") for _ in range(SEATS)]
    until(lambda: len(store.jobs("ann", "running")) == SEATS // 2)
    his = submit(store, tiny_run, "create", ASKED, "bob")
    assert store.wait(his.id, 60).state == "done"
    assert len(store.jobs("ann", "running")) == SEATS // 2
    refused = submit(store, tiny_run, "create", {"request": LONG["request"], "reproducible": True}, "bob")
    until(lambda: store.get(refused.id).state == "running")  # it waits for hers, and may be cancelled
    store.cancel(refused.id)
    until(lambda: store.get(refused.id).ended)
    assert store.get(refused.id).result == {"files": [], "stopped": True}
    for job in hers:
        store.cancel(job.id)
    until(lambda: all(store.get(job.id).ended for job in hers))


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_plan_is_carried_out_once(tiny_run: Path, store: JobStore, moved: int) -> None:
    """Whatever part of the files a worker had moved when it died."""
    places = Places(tiny_run)
    job = submit(store, tiny_run, "create", LONG)
    held = store.claim("one", ("create",), 30)
    assert held is not None
    staged = places.staged(job.id, 1) / "2026-01-01"
    staged.mkdir(parents=True)
    files = tuple(staged / f"{number:05}-{number}.png" for number in (1, 2))
    for number, file in enumerate(files):
        file.write_bytes(encode(np.full((4, 4, 3), number, np.uint8), "png"))
    plan = {str(f.relative_to(tiny_run)): f"outputs/2026-01-02/{f.name}" for f in files}
    (tiny_run / "outputs/2026-01-02").mkdir()
    store.settle(job.id, 1, plan, {"files": sorted(plan.values()), "stopped": False})
    for source, target in list(plan.items())[:moved]:
        (tiny_run / source).replace(tiny_run / target)
    store.cancel(job.id)
    store.abandon("one")
    second = store.claim("two", ("create",), 30)
    assert second is not None
    complete(store, second, places)
    assert store.get(job.id).state == "done"
    assert sorted(str(path.relative_to(tiny_run)) for path in _pictures(tiny_run)) == sorted(plan.values())


def test_a_worker_that_lost_its_job_publishes_nothing(tiny_run: Path, store: JobStore) -> None:
    places = Places(tiny_run)
    submit(store, tiny_run, "create", LONG)
    old = store.claim("one", ("create",), 30)
    assert old is not None
    file = places.staged(old.id, 1) / "2026-01-01/00001-5.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(encode(np.zeros((4, 4, 3), np.uint8), "png"))
    store.abandon("one")
    store.claim("two", ("create",), 30)
    with pytest.raises(LeaseLost):
        publish(store, old, Made((file,)), places)
    assert _pictures(tiny_run) == []


def test_one_studio_a_folder(tiny_run: Path, store: JobStore, studio: Supervisor) -> None:
    with pytest.raises(InputError, match="Another studio"):
        Supervisor(tiny_run, store)
