"""Jobs of a Stable Diffusion checkpoint by the real worker: users' jobs share calls, and nothing else."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.diffusion import made
from tests.studio.jobs.conftest import submit, until
from torch import Tensor

from figment.diffusion import openvino_backend
from figment.nn.shared_calls import Network, SharedCalls
from figment.pixels.files import load
from figment.studio import paint
from figment.studio.jobs.places import Places
from figment.studio.jobs.store import JobStore
from figment.studio.jobs.worker import Worker

REQUEST: dict[str, Any] = {"prompt": "a cat", "model": "anything", "size": "64", "seed": 5, "steps": 30}
ANN: dict[str, Any] = {"request": REQUEST}
BOB: dict[str, Any] = {
    "request": REQUEST | {"prompt": "a dog", "steps": 40, "guidance": 2.0, "seed": 6},
    "options": {"sampler": "Euler a"},
}
LONG: dict[str, Any] = {"request": REQUEST | {"steps": 150, "count": 5}}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write(tmp_path_factory.mktemp("shelf") / "anything.safetensors")


@pytest.fixture
def worker(tiny_run: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker in a thread of this process, so that its calls can be counted."""
    monkeypatch.setenv("FIGMENT_CACHE", str(tiny_run / "cache"))
    monkeypatch.setattr(paint, "_apart", set())
    monkeypatch.setattr(openvino_backend, "has_bfloat16", lambda: False)  # its last bits are levels of a picture
    folder = tiny_run / "models/Stable-diffusion"
    folder.mkdir(parents=True)
    (folder / "anything.safetensors").hardlink_to(checkpoint)
    working = Worker(tiny_run, "one", ("create",))
    thread = threading.Thread(target=working.work)
    thread.start()
    yield working
    working.ending.set()
    thread.join(60)
    working.store.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each call of a network."""
    found: list[int] = []
    real: Callable[..., tuple[Tensor, float]] = SharedCalls._called

    def counted(self: SharedCalls, network: Network, inputs: tuple[Any, ...], timed: bool) -> tuple[Tensor, float]:
        found.append(len(inputs[0]))
        return real(self, network, inputs, timed)

    monkeypatch.setattr(SharedCalls, "_called", counted)
    return found


def picture(store: JobStore, root: Path, id: str, user: str) -> NDArray[np.int16]:
    done = store.wait(id, 120)
    assert (done.state, done.error) == ("done", "")
    assert done.result is not None
    return load(Places(root, user).file(done.result["files"][0]["path"])).astype(np.int16)


def test_jobs_of_two_users_share_calls(tiny_run: Path, store: JobStore, worker: Worker, calls: list[int]) -> None:
    """With samplers, guidance and steps of their own; one that is cancelled does the others no harm."""
    apart = [submit(store, tiny_run, "create", asked | {"reproducible": True}) for asked in (ANN, BOB)]
    expected = [picture(store, tiny_run, job.id, "local") for job in apart]
    assert calls == [2] * 70

    calls.clear()
    gone = submit(store, tiny_run, "create", LONG, "eve")
    until(lambda: store.get(gone.id).step > 0)
    jobs = [submit(store, tiny_run, "create", asked, user) for asked, user in ((ANN, "ann"), (BOB, "bob"))]
    until(lambda: all(store.get(job.id).step > 0 for job in jobs))
    store.cancel(gone.id)
    found = [picture(store, tiny_run, job.id, user) for job, user in zip(jobs, ("ann", "bob"), strict=True)]
    until(lambda: store.get(gone.id).ended)
    assert store.get(gone.id).state == "cancelled"
    assert max(calls) > 2
    assert len(calls) < sum(calls) / 2
    for one, other in zip(expected, found, strict=True):
        assert np.abs(one - other).max() <= 1

    calls.clear()
    own = submit(store, tiny_run, "create", {"request": REQUEST | {"model": "tiny", "size": None}}, "ann")
    kept = submit(store, tiny_run, "create", ANN | {"options": {"keep_features": 2}}, "bob")
    assert picture(store, tiny_run, own.id, "ann").shape[2] == 3
    assert picture(store, tiny_run, kept.id, "bob").shape == expected[0].shape
