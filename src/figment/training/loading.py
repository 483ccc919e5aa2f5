"""Batches prepared while the networks compute: by a thread beside a CPU run, by many processes beside a GPU."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from types import TracebackType

import torch
from torch import multiprocessing  # its import lets tensors pass between processes without being copied

from figment.core.dataset import Batch, Dataset
from figment.training.device import Place

__all__ = ["Ahead"]

MOST_WORKERS = 16


class Ahead:
    """The batches of one process of a run, by step."""

    def __init__(self, data: Dataset, size: int, seed: int, here: Place, workers: int | None = None) -> None:
        """`workers` processes prepare batches; 0 means one thread. None chooses by the device."""
        if workers is None:
            workers = min(MOST_WORKERS, os.cpu_count() or 1) if here.device.type == "cuda" else 0
        self.data, self.size, self.seed, self.here = data, size, seed, here
        self._ahead = max(1, 2 * workers)
        self._waiting: dict[int, Future[Batch]] = {}
        self._pool, self._batch = _pool(data, workers)

    def take(self, step: int) -> Batch:
        """The batch of `step`; those after it are begun."""
        for number in range(step, step + self._ahead + 1):
            if number not in self._waiting:
                index = number * self.here.world + self.here.rank
                self._waiting[number] = self._pool.submit(self._batch, index, self.size, self.seed)
        return self._waiting.pop(step).result()

    def first(self, count: int) -> Batch:
        """The first examples of the order."""
        return self.data.batch(0, count, self.seed)

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


def _pool(data: Dataset, workers: int) -> tuple[Executor, Callable[[int, int, int], Batch]]:
    if not workers:
        return ThreadPoolExecutor(1), data.batch
    # Fresh processes: forking one that has run tensors on many threads can hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_receive, initargs=(data,)), _batch


_received: list[Dataset] = []


def _receive(data: Dataset) -> None:
    """Runs once in every worker process."""
    torch.set_num_threads(1)
    _received[:] = [data]


def _batch(index: int, size: int, seed: int) -> Batch:
    return _received[0].batch(index, size, seed)
