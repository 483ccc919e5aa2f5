"""Calls of networks that come from several threads at about the same time, made one.

Samplers call a network step by step and wait for its answer. When several of them sample at once, each in a thread of
its own, their rows go through the network together: it costs less by the row, as long as the network is small enough
that its overhead counts. Every sampler keeps its own schedule, guidance and random numbers; only the call is shared, as
in step-level batching (vLLM-Omni's step execution; Yu et al. 2022, "Orca", for text).

Owners, such as the users of a server, take turns by the rows that were computed for them, so that one with many
samplers slows another's single one hardly more than by sharing its calls.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Network", "SharedCalls", "Shares", "knee", "on_behalf_of"]

Network = Callable[..., Tensor]
"""Takes tensors, or tuples of them, whose first side is rows, and gives one tensor of as many rows."""
PATIENCE = 2
"""Calls of the network that a call may see pass before it goes with the rows that there are."""
GRACE = 0.02
"""Seconds for which an owner whose turn it is, and that has just been answered, is waited for."""
MOST = {"cpu": 8}
MOST_ELSEWHERE = 32
"""Rows to a call at most, by device, where it is not said."""
LEAST_GAIN = 0.05
"""Share of the time for a row that twice as many rows must save to be worth waiting for."""
_owner: ContextVar[Hashable] = ContextVar("owner")


@contextmanager
def on_behalf_of(owner: Hashable) -> Iterator[None]:
    """While it lasts, calls of this thread are `owner`'s; without, every thread is an owner of its own."""
    before = _owner.set(owner)
    try:
        yield
    finally:
        _owner.reset(before)


class Shares:
    """A model from which several threads can sample at once, since it makes the calls of its networks by `shared`."""

    shared: "SharedCalls | None" = None
    """Joins their calls; None for one thread alone."""


@dataclass(eq=False)
class _Call:
    """What one thread wants to know."""

    network: Network
    inputs: tuple[Any, ...]
    rows: int
    owner: Hashable
    since: int
    """How many calls of the network there had been when it came."""
    answer: Tensor | None = None
    failure: BaseException | None = None

    @property
    def answered(self) -> bool:
        return self.answer is not None or self.failure is not None


class SharedCalls:
    """Networks to be called by many threads; at most `most_rows` rows go through one at once.

    Without that number it is told by `knee` when calls meet for the first time.

    All calls are made in one thread, since every thread that computes has helpers of its own, which would be in each
    other's way.

    A call is made when all who take part wait for an answer, when there are rows enough, or when the oldest waited long
    enough. Whoever makes it answers for the others too. A call of more rows than `most_rows` goes alone. Of calls that
    wait, those go first whose owners had the fewest rows answered.
    """

    def __init__(self, most_rows: int | None = None) -> None:
        self.most_rows = most_rows
        self._thread = ThreadPoolExecutor(1, "network")
        self._state = threading.Condition()
        self._queues: defaultdict[Any, list[_Call]] = defaultdict(list)
        """Calls that may share one call of the network, since all but their rows is alike."""
        self._served: Counter[Hashable] = Counter()
        """Rows answered of each owner that takes part, and where it began."""
        self._members: Counter[Hashable] = Counter()
        self._waiting = 0
        self._made = 0
        self._busy, self._answered_at = False, 0.0

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """While it lasts, others wait for this thread's calls. Only threads that take part may call."""
        owner = _owner.get(threading.get_ident())
        with self._state:
            if not self._members[owner]:  # begins where the others stand (start-time fair queueing, Goyal et al. 1996)
                self._served[owner] = min(self._served.values(), default=0)
            self._members[owner] += 1
        try:
            yield
        finally:
            with self._state:
                self._members[owner] -= 1
                if not self._members[owner]:
                    del self._members[owner], self._served[owner]
                self._state.notify_all()  # those left may all be waiting now

    def __call__(self, network: Network, *inputs: Any) -> Tensor:
        """The answer of `network` to `inputs`, rows of others among its own. Raises what the network raises."""
        tensors = list(_tensors(inputs))
        key = network, tuple((tensor.shape[1:], tensor.dtype, tensor.device) for tensor in tensors)
        with self._state:
            call = _Call(network, inputs, len(tensors[0]), _owner.get(threading.get_ident()), self._made)
            self._queues[key].append(call)
            self._waiting += 1
            self._state.notify_all()
            while not call.answered:
                batch = self._next()
                if batch is None:
                    self._state.wait(GRACE)
                else:
                    self._answer(batch)
        if call.failure is not None:
            raise call.failure
        assert call.answer is not None
        return call.answer

    def _next(self) -> list[_Call] | None:
        """The calls to make now; None where it is better to wait."""
        queues = [queue for queue in self._queues.values() if queue]
        if self._busy or not queues:
            return None
        if self._waiting < self._members.total():
            late = time.monotonic() - self._answered_at >= GRACE
            queues = [queue for queue in queues if self._is_due(queue) and (late or not self._lacks(queue))]
        if not queues:
            return None
        queue = min(queues, key=lambda one: self._turn(one[self._first(one)]))
        batch, rows = list[_Call](), 0
        while queue and (not batch or rows + queue[self._first(queue)].rows <= self._most(queue)):
            batch.append(queue.pop(self._first(queue)))
            self._served[batch[-1].owner] += batch[-1].rows
            rows += batch[-1].rows
        self._made += 1
        return batch

    def _first(self, queue: list[_Call]) -> int:
        """Place of the call in `queue` whose turn it is."""
        return min(range(len(queue)), key=lambda place: self._turn(queue[place]))

    def _lacks(self, queue: list[_Call]) -> bool:
        """Whether somebody whose turn is before those in `queue` has nothing that waits just now."""
        least = min(self._served[call.owner] for call in queue)
        waiting = {call.owner for calls in self._queues.values() for call in calls}
        return any(served < least and owner not in waiting for owner, served in self._served.items())

    def _turn(self, call: _Call) -> tuple[int, int]:
        return self._served[call.owner], call.since

    def _is_due(self, queue: list[_Call]) -> bool:
        return sum(call.rows for call in queue) >= self._most(queue) or self._made - queue[0].since >= PATIENCE

    def _most(self, queue: list[_Call]) -> int:
        return self.most_rows or _most(next(_tensors(queue[0].inputs)))

    def _answer(self, batch: list[_Call]) -> None:
        """Have the network called for all of `batch`, with the lock given back meanwhile."""
        self._busy = True
        self._state.release()
        answers: Sequence[Tensor] | None = None
        failure: BaseException | None = None
        try:
            if self.most_rows is None and len(batch) > 1:
                self.most_rows = self._thread.submit(knee, batch[0].network, *batch[0].inputs).result()
            joined = _joined([call.inputs for call in batch]) if len(batch) > 1 else batch[0].inputs
            whole = self._thread.submit(_computed, batch[0].network, joined).result()
            answers = torch.split(whole, [call.rows for call in batch])
        except BaseException as error:  # noqa: BLE001  # it belongs to every thread that asked
            failure = error
        finally:
            self._state.acquire()
            self._busy, self._answered_at = False, time.monotonic()
        self._waiting -= len(batch)
        for number, call in enumerate(batch):
            call.answer, call.failure = (None if answers is None else answers[number]), failure
        self._state.notify_all()


@torch.no_grad()
def _computed(network: Network, inputs: tuple[Any, ...]) -> Tensor:
    return network(*inputs)


def knee(network: Network, *inputs: Any, most: int | None = None, clock: Callable[[], float] | None = None) -> int:
    """How many rows at once are worth waiting for: doubled from the rows of `inputs` until a row gains nothing more.

    There are at most `most`. Each number of rows is timed three times by `clock`, in seconds, and the fastest counts.
    Without one it is, on a CPU, what this thread computes, since others have a say in the time of day.
    """
    first = next(_tensors(inputs))
    most = most or _most(first)
    clock = clock or (time.thread_time if first.device.type == "cpu" else time.perf_counter)
    rows, best = len(first), _pace(network, inputs, clock)
    while rows * 2 <= most:
        inputs = _joined([inputs, inputs])
        pace = _pace(network, inputs, clock)
        if pace > best * (1 - LEAST_GAIN):
            break
        rows, best = rows * 2, pace
    return rows


def _pace(network: Network, inputs: tuple[Any, ...], clock: Callable[[], float]) -> float:
    """Seconds for a row."""
    times = []
    for _ in range(3):
        begun = clock()
        _computed(network, inputs).sum().item()  # waits for a GPU
        times.append(clock() - begun)
    return min(times) / len(next(_tensors(inputs)))


def _most(rows: Tensor) -> int:
    return MOST.get(rows.device.type, MOST_ELSEWHERE)


def _tensors(inputs: Any) -> Iterator[Tensor]:
    if isinstance(inputs, Tensor):
        yield inputs
    elif inputs is not None:
        for one in inputs:
            yield from _tensors(one)


def _joined(many: Sequence[Any]) -> Any:
    """All rows of inputs of one structure."""
    first = many[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return torch.cat(list(many))
    return tuple(_joined(parts) for parts in zip(*many, strict=True))
