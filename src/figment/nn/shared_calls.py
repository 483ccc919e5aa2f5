"""Calls of networks that come from several threads at about the same time, made one.

Samplers call a network step by step and wait for its answer. When several of them sample at once, each in a thread of
its own, their rows go through the network together: it costs less by the row, as long as the network is small enough
that its overhead counts. Every sampler keeps its own schedule, guidance and random numbers; only the call is shared, as
in step-level batching (vLLM-Omni's step execution; Yu et al. 2022, "Orca", for text).

Owners, such as the users of a server, take turns by what was computed for them, so that one with many samplers slows
another's single one hardly more than by sharing its calls. How many rows are worth waiting for is told by the calls
themselves: where a row gains nothing from others, each call goes alone, and nobody waits but for turns.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

__all__ = ["Abandoned", "Knee", "Network", "SharedCalls", "Shares", "on_behalf_of"]

Network = Callable[..., Tensor]
"""Takes tensors, or tuples of them, whose first side is rows, and gives one tensor of as many rows."""
PATIENCE = 2
"""Calls of the network that a call may see pass before it goes with the rows that there are."""
GRACE = 0.02
"""Seconds for which one whose turn it is, and that has just been answered, is waited for at least."""
SHARE = 0.05
"""Of the time of the last call, for which it is waited for at most."""
HOLD = 0.1
"""Seconds for which a call waits for others at most while nothing is computed."""
MOST = {"cpu": 8}
MOST_ELSEWHERE = 32
"""Rows to a call at most, by device, where it is not said."""
LEAST_GAIN = 0.05
"""Share of the time for a row that twice as many rows must save to be worth waiting for."""
TIMES = 5
"""Calls of as many rows that are timed; the fastest counts, since others have a say in it."""
_asker: ContextVar[tuple[Hashable, Callable[[], bool]]] = ContextVar("asker")


class Abandoned(Exception):
    """A call was not made, since nobody wants its answer any more."""


def _always() -> bool:
    return True


@contextmanager
def on_behalf_of(owner: Hashable, wanted: Callable[[], bool] = _always) -> Iterator[None]:
    """While it lasts, calls of this thread are `owner`'s; without, every thread is an owner of its own.

    Calls that wait for their turn when `wanted` no longer holds raise Abandoned.
    """
    before = _asker.set((owner, wanted))
    try:
        yield
    finally:
        _asker.reset(before)


class Shares:
    """A model from which several threads can sample at once, since it makes the calls of its networks by `shared`."""

    shared: "SharedCalls | None" = None
    """Joins their calls; None for one thread alone."""


@dataclass(frozen=True, eq=False)
class _Member:
    """A thread that takes part."""

    owner: Hashable
    wanted: Callable[[], bool]
    number: int
    """How many had begun before it."""


@dataclass(eq=False)
class _Call:
    """What one thread wants to know."""

    network: Network
    inputs: tuple[Any, ...]
    rows: int
    size: int
    """Numbers in its first input, by which turns are taken."""
    member: _Member
    since: int
    """How many calls of the network there had been when it came."""
    came: float = field(default_factory=time.monotonic)
    answer: Tensor | None = None
    failure: BaseException | None = None

    @property
    def answered(self) -> bool:
        return self.answer is not None or self.failure is not None


class Knee:
    """How many rows are worth waiting for, up to `most`: doubled from those of one call until a row gains no more.

    It is told how long calls took that were to be made anyway. At first those of one call and of twice as many take
    turns, so that what else the machine does weighs on both.
    """

    def __init__(self, most: int) -> None:
        self.most, self.least = most, 0
        self._paces: defaultdict[int, list[float]] = defaultdict(list)
        """Seconds for a row, by the number of rows."""

    def note(self, rows: int, seconds: float) -> None:
        """A call of `rows` rows took so long."""
        place = self.least = self.least or rows
        while 2 * place <= rows:
            place *= 2
        if rows >= place and len(self._paces[place]) < TIMES:
            self._paces[place].append(seconds / rows)

    def failed(self, rows: int) -> None:
        """A call of `rows` rows could not be made, as where there is no memory for it."""
        self.most = min(self.most, rows // 2)

    @property
    def rows(self) -> int:
        """So many may go together for now; 0 for one call alone."""
        return self._told()[0]

    @property
    def found(self) -> bool:
        """Whether nothing is left to be tried."""
        return self._told()[1]

    @property
    def pays(self) -> bool:
        """Whether rows of several calls are worth joining, as far as is known."""
        return not self.found or self.rows > self.least

    def _told(self) -> tuple[int, bool]:
        rows = self.least
        while rows and 2 * rows <= self.most:
            one, twice = self._paces[rows], self._paces[2 * rows]
            if min(len(one), len(twice)) < TIMES:
                return (rows if len(one) <= len(twice) else 2 * rows), False
            if min(twice) > min(one) * (1 - LEAST_GAIN):
                break
            rows *= 2
        return rows, rows > 0


@dataclass(eq=False)
class _Queue:
    """Calls that may share one call of the network, since all but their rows is alike."""

    knee: Knee | None
    calls: list[_Call] = field(default_factory=list)


class SharedCalls:
    """Networks to be called by many threads; at most `most_rows` rows go through one at once.

    Without that number there is a `Knee` for every network and shape, up to what `device`, where they compute, holds.

    All calls are made in one thread, since every thread that computes has helpers of its own, which would be in each
    other's way.

    A call is made when all who take part wait for an answer, when there are rows enough, or when the oldest waited long
    enough. Whoever makes it answers for the others too. A call of more rows than `most_rows` goes alone. Of calls that
    wait, those go first whose owners were given least, and of one owner's those of who began first, so that they end
    one after the other where joining them gains nothing. Where a joined call fails, each is made alone.
    """

    def __init__(self, most_rows: int | None = None, device: str = "cpu") -> None:
        self.most_rows, self.device = most_rows, device
        self._thread = ThreadPoolExecutor(1, "network")
        self._state = threading.Condition()
        self._queues: dict[Any, _Queue] = {}
        self._served: Counter[Hashable] = Counter()
        """Numbers answered of each owner that takes part, and where it began."""
        self._members: dict[int, _Member] = {}
        """By thread."""
        self._waiting, self._begun, self._made = 0, 0, 0
        self._busy, self._graceful_until = False, 0.0

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """While it lasts, others wait for this thread's calls. Only threads that take part may call."""
        thread = threading.get_ident()
        owner, wanted = _asker.get((thread, _always))
        with self._state:
            if owner not in self._served:  # begins where the others stand (start-time fair queueing, Goyal et al. 1996)
                self._served[owner] = min(self._served.values(), default=0)
            self._members[thread] = _Member(owner, wanted, self._begun)
            self._begun += 1
        try:
            yield
        finally:
            with self._state:
                del self._members[thread]
                if all(member.owner != owner for member in self._members.values()):
                    del self._served[owner]
                self._state.notify_all()  # those left may all be waiting now

    def __call__(self, network: Network, *inputs: Any) -> Tensor:
        """The answer of `network` to `inputs`, rows of others among its own. Raises Abandoned, or what it raises."""
        tensors = list(_tensors(inputs))
        first = tensors[0]
        key = network, tuple((tensor.shape[1:], tensor.dtype, tensor.device) for tensor in tensors)
        with self._state:
            member = self._members[threading.get_ident()]
            call = _Call(network, inputs, len(first), first.numel(), member, self._made)
            if key not in self._queues:
                most = MOST.get(self.device, MOST_ELSEWHERE)
                self._queues[key] = _Queue(Knee(most) if self.most_rows is None else None)
            self._queues[key].calls.append(call)
            self._waiting += 1
            self._state.notify_all()
            while not call.answered:
                if call in self._queues[key].calls and not member.wanted():
                    self._queues[key].calls.remove(call)
                    self._waiting -= 1
                    raise Abandoned
                queue = self._next()
                if queue is None:
                    self._state.wait(GRACE)
                else:
                    self._answer(self._batch(queue), queue.knee)
        if call.failure is not None:
            raise call.failure
        assert call.answer is not None
        return call.answer

    def knees(self, *sides: int) -> list[Knee]:
        """Those of calls whose first input has these last sides; all, where none are given."""
        with self._state:
            found = [(shapes[0][0], queue.knee) for (_, shapes), queue in self._queues.items()]
        return [knee for shape, knee in found if knee and shape[len(shape) - len(sides) :] == sides]

    def _next(self) -> _Queue | None:
        """The queue to call the network for now; None where it is better to wait."""
        queues = [queue for queue in self._queues.values() if queue.calls]
        if self._busy or not queues:
            return None
        if self._waiting < len(self._members):
            late = time.monotonic() >= self._graceful_until
            queues = [queue for queue in queues if self._is_due(queue) and (late or not self._lacks(queue))]
        return min(queues, key=lambda queue: min(map(self._turn, queue.calls)), default=None)

    def _batch(self, queue: _Queue) -> list[_Call]:
        """The calls of `queue` whose turn it is, taken out of it."""
        batch, rows, most = list[_Call](), 0, self._most(queue)
        while queue.calls:
            call = min(queue.calls, key=self._turn)
            if batch and rows + call.rows > most:
                break
            queue.calls.remove(call)
            batch.append(call)
            self._served[call.member.owner] += call.size
            rows += call.rows
        self._made += 1
        return batch

    def _lacks(self, queue: _Queue) -> bool:
        """Whether somebody whose turn is before those in `queue` has nothing that waits just now."""
        first = min(queue.calls, key=self._turn)
        waiting = {call.member for one in self._queues.values() for call in one.calls}
        owners = {member.owner for member in waiting}
        if any(self._served[owner] < self._turn(first)[0] for owner in self._served.keys() - owners):
            return True
        if queue.knee is None or queue.knee.pays:
            return False
        own = [member for member in self._members.values() if member.owner == first.member.owner]
        return any(member.number < first.member.number and member not in waiting for member in own)

    def _turn(self, call: _Call) -> tuple[int, int]:
        return self._served[call.member.owner], call.member.number

    def _is_due(self, queue: _Queue) -> bool:
        first = queue.calls[0]
        passed, held = self._made - first.since, time.monotonic() - first.came
        enough = sum(call.rows for call in queue.calls) >= self._most(queue)
        return enough or passed >= PATIENCE or held >= HOLD

    def _most(self, queue: _Queue) -> int:
        return self.most_rows or (queue.knee.rows if queue.knee else 0)

    def _answer(self, batch: list[_Call], knee: Knee | None) -> None:
        """Have the network called for all of `batch`, with the lock given back meanwhile."""
        timed = knee is not None and not knee.found and len(self._members) > 1
        self._busy, begun = True, time.monotonic()
        self._state.release()
        try:
            seconds = self._compute(batch, knee, timed=timed)
        finally:
            self._state.acquire()
            self._busy, now = False, time.monotonic()
            self._graceful_until = now + max(GRACE, SHARE * (now - begun))
            self._waiting -= len(batch)
            self._state.notify_all()
        if knee is not None and timed and seconds:
            knee.note(sum(call.rows for call in batch), seconds)

    def _compute(self, batch: list[_Call], knee: Knee | None, *, timed: bool = False) -> float:
        """Answer `batch` by one call, or each alone where that fails; the seconds of the call, 0 where it failed."""
        rows = [call.rows for call in batch]
        try:
            joined = _joined([call.inputs for call in batch]) if len(batch) > 1 else batch[0].inputs
            answer, seconds = self._thread.submit(self._called, batch[0].network, joined, timed).result()
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever asked
            if len(batch) > 1 and isinstance(error, Exception):
                if knee is not None:
                    knee.failed(sum(rows))
                for call in batch:
                    self._compute([call], knee)
            else:
                for call in batch:
                    call.failure = error
            return 0.0
        for call, own in zip(batch, torch.split(answer, rows), strict=True):
            call.answer = own
        return seconds

    @torch.no_grad()
    def _called(self, network: Network, inputs: tuple[Any, ...], timed: bool) -> tuple[Tensor, float]:
        """What the network says, and the seconds that took: on a CPU, of computing by this process."""
        clock = time.process_time if self.device == "cpu" else time.perf_counter
        begun = clock()
        answer = network(*inputs)
        if timed and answer.is_cuda:
            torch.cuda.synchronize(answer.device)
        return answer, clock() - begun


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
