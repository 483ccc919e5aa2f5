"""Several threads that draw with one engine: each gets its own picture, and only calls of the UNet are joined."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.diffusion import made

from figment.core.errors import CheckpointError
from figment.core.task import finish
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.engine import Engine, Job, Networks
from figment.diffusion.kinds import Base
from figment.diffusion.networks import Autoencoder, Conditioning
from figment.diffusion.options import Options
from figment.diffusion.torch_backend import TorchBackend
from figment.nn import shared_calls
from figment.nn.shared_calls import TIMES, SharedCalls

Picture = NDArray[np.uint8]
SOON = 60.0
"""Seconds after which a thread that still waits hangs."""
EULER = Options(sampler="Euler", rng="cpu")
JOB = Job("a cat", "bad", (3,), 8, 5.0, (64, 64), EULER)
OTHERS = (
    JOB,
    replace(JOB, prompt="a dog", seeds=(4,), options=replace(EULER, sampler="DPM++ 2M SDE"), guidance=2.0),
    replace(JOB, seeds=(5, 6), steps=5, options=replace(EULER, sampler="DDIM")),
    replace(JOB, seeds=(7,), guidance=1.0, options=replace(EULER, sampler="Heun")),
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make calls go before all have come."""
    monkeypatch.setattr(shared_calls, "HOLD", SOON)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    root = tmp_path_factory.mktemp("models")
    kinds = {"SD1": (Base.SD1, False), "SDXL": (Base.SDXL, False), "nine": (Base.SD1, True)}
    files = {
        name: made.write(root / f"{name}.safetensors", base, inpainting=nine, dtype=torch.float32)
        for name, (base, nine) in kinds.items()
    }
    backend = TorchBackend(torch.device("cpu"), torch.float32)
    return {name: Engine(Networks(open_checkpoint(file)), backend) for name, file in files.items()}


@pytest.fixture
def sd1(engines: dict[str, Engine]) -> Engine:
    return engines["SD1"]


def at_once(ways: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(ways)) as pool:
        return [one.result(SOON) for one in [pool.submit(way) for way in ways]]


def alone(ours: Engine, job: Job) -> list[Picture]:
    ours.shared = None
    return finish(ours.draw(job))


def called(ours: Engine, way: Callable[[], Any]) -> tuple[Any, list[int]]:
    """What `way` gives, and the rows of each call of the network."""
    calls: list[int] = []
    unet = ours.unet

    def counted(x: torch.Tensor, times: torch.Tensor, conditioning: Conditioning) -> torch.Tensor:
        calls.append(len(x))
        return unet(x, times, conditioning)

    ours._unet = counted
    try:
        return way(), calls
    finally:
        ours._unet = unet


def together(ours: Engine, jobs: Sequence[Job]) -> list[list[Picture]]:
    ours.shared = SharedCalls(most_rows=8)
    return at_once([lambda job=job: finish(ours.draw(job)) for job in jobs])  # type: ignore[misc]  # of job


def far(first: Picture, second: Picture) -> int:
    return int(np.abs(first.astype(int) - second.astype(int)).max())


@pytest.mark.parametrize("name", ["SD1", "SDXL", "nine"])
def test_each_gets_the_picture_that_it_gets_alone(engines: dict[str, Engine], name: str) -> None:
    """With samplers, schedules, guidance and numbers of steps of its own."""
    ours = engines[name]
    expected, apart = called(ours, lambda: [alone(ours, job) for job in OTHERS])
    found, joined = called(ours, lambda: together(ours, OTHERS))
    for one, other in zip(expected, found, strict=True):
        assert len(one) == len(other)
        assert max(far(*pair) for pair in zip(one, other, strict=True)) <= 1
    assert sum(joined) == sum(apart)
    assert len(joined) < len(apart)
    assert max(joined) > max(apart) == 4


def test_sizes_and_lengths_of_prompts_are_not_mixed(sd1: Engine) -> None:
    jobs = (JOB, replace(JOB, size=(64, 96)), replace(JOB, prompt="cat, " * 80))
    expected, apart = called(sd1, lambda: [alone(sd1, job) for job in jobs])
    found, joined = called(sd1, lambda: together(sd1, jobs))
    assert max(far(one[0], other[0]) for one, other in zip(expected, found, strict=True)) <= 1
    assert sum(joined) == sum(apart)


def test_with_nobody_beside_it_a_picture_is_the_same_to_the_bit(sd1: Engine) -> None:
    for job in OTHERS:
        expected = alone(sd1, job)
        sd1.shared = SharedCalls()
        assert np.array_equal(finish(sd1.draw(job)), expected)


def test_what_is_wrong_with_one_is_its_own(sd1: Engine) -> None:
    endless = replace(JOB, guidance=float("inf"))
    expected = alone(sd1, OTHERS[1])[0]

    def broken() -> str:
        with pytest.raises(CheckpointError, match="not finite"):
            finish(sd1.draw(endless))
        return "told"

    sd1.shared = SharedCalls(most_rows=8)
    told, found = at_once([broken, lambda: finish(sd1.draw(OTHERS[1]))])
    assert told == "told"
    assert far(found[0], expected) <= 1


def test_who_stops_leaves_the_others_alone(sd1: Engine) -> None:
    expected = alone(sd1, OTHERS[1])[0]

    def stopped() -> int:
        task = sd1.draw(replace(JOB, steps=50))
        steps = [next(task).step for _ in range(3)]
        task.close()
        return steps[-1]

    sd1.shared = SharedCalls(most_rows=8)
    steps, found = at_once([stopped, lambda: finish(sd1.draw(OTHERS[1]))])
    assert steps == 3
    assert far(found[0], expected) <= 1


class Slow:
    """An autoencoder that decodes only when it may."""

    def __init__(self, inner: Autoencoder) -> None:
        self.inner = inner
        self.asked, self.may = threading.Event(), threading.Event()

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.inner.encode(pictures)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        self.asked.set()
        assert self.may.wait(SOON / 2)
        return self.inner.decode(latents)


def test_who_decodes_keeps_nobody_from_stepping(sd1: Engine) -> None:
    assert sd1.preview is not None
    inner = sd1.autoencoder
    sd1.shared, sd1._autoencoder = SharedCalls(most_rows=8), (slow := Slow(inner))

    def stepping() -> list[int]:
        assert slow.asked.wait(SOON / 2)
        task = sd1.draw(JOB)
        steps = [next(task).step for _ in range(JOB.steps)]
        slow.may.set()
        return [*steps, len(finish(task))]

    try:
        pictures, steps = at_once([lambda: finish(sd1.draw(replace(JOB, steps=1))), stepping])
    finally:
        sd1._autoencoder = inner
    assert len(pictures) == 1
    assert steps == [*range(1, 9), 1]


@pytest.mark.parametrize(("twice", "gains"), [(2.0, False), (1.8, True)])
def test_it_is_known_which_sizes_gain(sd1: Engine, twice: float, gains: bool) -> None:
    sd1.shared = SharedCalls()
    finish(sd1.draw(JOB))
    assert sd1.gains((64, 64))  # as long as nothing is known
    (knee,) = sd1.shared.knees(8, 8)
    knee.most = 4
    for _ in range(TIMES):
        knee.note(2, 1.0)
        knee.note(4, twice)
    assert sd1.gains((64, 64)) == gains
    assert sd1.gains((64, 96))


def test_networks_are_made_once(engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    """Though eight threads need them at the same time."""
    counts = {"unet": 0, "autoencoder": 0, "text": 0}
    fresh = Engine(engines["SD1"].networks, TorchBackend(torch.device("cpu"), torch.float32))

    def counting(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def made_now(*arguments: Any, **more: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, made_now)

    for owner, name in ((fresh.backend, "unet"), (fresh.backend, "autoencoder"), (fresh, "text")):
        counting(owner, name)
    fresh.shared = SharedCalls(most_rows=8)
    found = at_once([lambda: finish(fresh.draw(replace(JOB, steps=2))) for _ in range(8)])
    assert all(far(one[0], found[0][0]) <= 1 for one in found)
    assert counts == {"unet": 1, "autoencoder": 1, "text": 1}
