"""Calls that several threads share: answers go to who asked, and nobody waits in vain."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import torch
from torch import Tensor

from figment.nn import shared_calls
from figment.nn.shared_calls import TIMES, Abandoned, Knee, Network, SharedCalls, on_behalf_of

SOON = 20.0
"""Seconds after which a thread that still waits hangs."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make calls go before all have come."""
    monkeypatch.setattr(shared_calls, "HOLD", SOON)


class Counted:
    """3 x + t by rows, noting how many rows each call had; the first call may be held up."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, x: Tensor, told: tuple[Tensor, Tensor | None]) -> Tensor:
        self.rows.append(len(x))
        return 3 * x + told[0].view(-1, *[1] * (x.dim() - 1))


def together(shared: SharedCalls, *parts: Callable[[], object], owners: str = "") -> list[object]:
    """Results of `parts`, each in a thread that takes part from before the first begins; `owners` has a letter each."""
    with ThreadPoolExecutor(len(parts)) as pool, ExitStack() as stack:
        gate = threading.Barrier(len(parts))

        def run(part: Callable[[], object], owner: str) -> object:
            with on_behalf_of(owner), shared.taking_part():
                gate.wait(SOON)
                return part()

        found = [pool.submit(run, *pair) for pair in zip(parts, owners or map(str, range(len(parts))), strict=True)]
        stack.callback(gate.abort)
        return [one.result(SOON) for one in found]


def asking(
    shared: SharedCalls, network: Network, steps: int, rows: int, first: float, side: int = 4
) -> Callable[[], object]:
    """Walk `steps` steps, each from the answer before it, and say whether every answer was right."""

    def walk() -> bool:
        x = torch.full((rows, side), first)
        for step in range(steps):
            time = torch.full((rows,), float(step))
            expected = 3 * x + step
            x = shared(network, x, (time, None))
            if not torch.equal(x, expected):
                return False
            x = x / 100
        return True

    return walk


def test_steps_of_all_are_one_call() -> None:
    network = Counted()
    shared = SharedCalls(most_rows=16)
    assert together(shared, *(asking(shared, network, 5, 2, float(n)) for n in range(4))) == [True] * 4
    assert network.rows == [8] * 5


def test_who_ends_sooner_or_asks_for_more_holds_nobody_up() -> None:
    network = Counted()
    shared = SharedCalls(most_rows=64)
    lengths = ((1, 2), (3, 1), (7, 4), (20, 2))
    assert together(shared, *(asking(shared, network, steps, rows, 1.0) for steps, rows in lengths)) == [True] * 4
    assert network.rows == [9, 7, 7, *[6] * 4, *[2] * 13]


def test_no_more_rows_than_allowed_go_together_and_larger_calls_go_alone() -> None:
    network = Counted()
    shared = SharedCalls(most_rows=4)
    assert together(shared, *(asking(shared, network, 3, rows, 1.0) for rows in (2, 2, 2, 6))) == [True] * 4
    assert max(rows for rows in network.rows if rows != 6) <= 4
    assert network.rows.count(6) == 3
    assert sum(network.rows) == 3 * 12


def test_other_shapes_are_asked_in_turn() -> None:
    network = Counted()
    shared = SharedCalls(most_rows=4)
    parts = [asking(shared, network, 30, 2, 1.0, side=4) for _ in range(4)] + [
        asking(shared, network, 10, 1, 1.0, side=7)
    ]
    assert together(shared, *parts) == [True] * 5
    assert 1 in network.rows[:6]  # the one of another shape is not left to the end


def test_one_sampler_of_an_owner_is_in_every_call_beside_many_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_calls, "GRACE", SOON)
    network = Counted()
    shared = SharedCalls(most_rows=4)
    ends: list[int] = []

    def one() -> bool:
        right = asking(shared, network, 10, 2, 1.0)()
        ends.append(len(network.rows))
        return bool(right)

    many = [asking(shared, network, 10, 2, 1.0) for _ in range(6)]
    assert together(shared, one, *many, owners="abbbbbb") == [True] * 7
    assert ends[0] <= 13  # ten of its own, and at most a few before all wait
    assert sum(network.rows) == 7 * 10 * 2


def test_how_many_rows_pay_is_told_when_calls_meet() -> None:
    network = Counted()
    shared = SharedCalls()
    assert together(shared, asking(shared, network, 2, 2, 1.0)) == [True]
    (knee,) = shared.knees(4)
    assert (knee.found, network.rows) == (False, [2, 2])  # one alone is neither kept waiting for it nor slowed
    steps = 4 * TIMES
    assert together(shared, *(asking(shared, network, steps, 2, float(n)) for n in range(4))) == [True] * 4
    assert sum(network.rows) == 4 + 4 * 2 * steps  # no call is made to find it out
    assert knee.found
    assert knee.rows in (2, 4, 8)
    assert shared.knees(5) == []


def unpaid(shared: SharedCalls, network: Network) -> None:
    """Let it be found that two rows take twice as long as one."""
    asked = asking(shared, network, 1, 2, 1.0)
    assert together(shared, asked, asked) == [True] * 2
    (knee,) = shared.knees(4)
    for _ in range(TIMES):
        knee.note(2, 2.0)
        knee.note(4, 4.0)
    assert not knee.pays


def test_rows_that_do_not_pay_are_not_waited_for() -> None:
    """A second thread that never calls would hold up a call that waits for others."""
    slow = threading.Event()

    def network(x: Tensor, told: tuple[Tensor, None]) -> Tensor:
        return 3 * x + told[0].view(-1, 1)

    shared = SharedCalls()
    unpaid(shared, network)

    def one() -> object:
        right = asking(shared, network, 5, 2, 1.0)()
        slow.set()
        return right

    assert together(shared, one, lambda: slow.wait(SOON / 2)) == [True] * 2


@pytest.mark.parametrize(("owners", "least", "most"), [("aaa", 10, 12), ("abc", 25, 30)])
def test_where_rows_do_not_pay_an_owners_samplers_end_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, owners: str, least: int, most: int
) -> None:
    """As if nothing was shared; those of several owners take turns. Ends are counted in calls."""
    monkeypatch.setattr(shared_calls, "GRACE", SOON)
    network = Counted()
    shared = SharedCalls()
    unpaid(shared, network)
    network.rows.clear()
    ends: list[int] = []

    def one() -> bool:
        right = asking(shared, network, 10, 2, 1.0)()
        ends.append(len(network.rows))
        return bool(right)

    assert together(shared, one, one, one, owners=owners) == [True] * 3
    assert network.rows == [2] * 30
    assert least <= min(ends) <= most


def test_whoever_does_something_else_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_calls, "HOLD", 0.01)
    network = Counted()
    shared = SharedCalls(most_rows=8)
    done = threading.Event()

    def one() -> object:
        right = asking(shared, network, 3, 2, 1.0)()
        done.set()
        return right

    assert together(shared, one, lambda: done.wait(SOON / 2)) == [True] * 2


def test_what_the_network_raises_reaches_all_who_asked() -> None:
    def broken(_x: Tensor, _told: object) -> Tensor:
        raise ValueError("no answer")

    shared = SharedCalls(most_rows=8)

    def ask() -> str:
        with pytest.raises(ValueError, match="no answer"):
            shared(broken, torch.zeros(1, 2), (torch.zeros(1), None))
        return "told"

    assert together(shared, ask, ask, ask) == ["told"] * 3


def test_a_call_that_fails_leaves_the_others_their_answers() -> None:
    """As where there is no memory for all at once, or one of them is wrong."""

    def picky(x: Tensor) -> Tensor:
        if len(x) > 2 or bool((x < 0).any()):
            raise ValueError("too much")
        return 2 * x

    shared = SharedCalls(most_rows=8)

    def ask(value: float) -> object:
        try:
            return float(shared(picky, torch.full((1, 2), value))[0, 0])
        except ValueError as error:
            return str(error)

    assert together(shared, *(lambda n=n: ask(n) for n in (1.0, -1.0, 3.0))) == [2.0, "too much", 6.0]


def test_a_call_that_is_not_wanted_any_more_is_given_up() -> None:
    """While it waits for others; the rest goes on."""
    network = Counted()
    shared = SharedCalls(most_rows=4)
    done = threading.Event()

    def unwanted() -> str:
        with on_behalf_of("a", lambda: False), shared.taking_part(), pytest.raises(Abandoned):
            shared(network, torch.zeros(1, 4), (torch.zeros(1), None))
        done.set()
        return "gone"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: together(shared, lambda: done.wait(SOON)))
        assert pool.submit(unwanted).result(SOON) == "gone"
        assert first.result(SOON) == [True]
    assert network.rows == []
    assert together(shared, asking(shared, network, 2, 1, 1.0)) == [True]


def test_who_leaves_without_asking_is_not_waited_for() -> None:
    network = Counted()
    shared = SharedCalls(most_rows=8)
    assert together(shared, asking(shared, network, 2, 1, 1.0), lambda: "gone") == [True, "gone"]
    assert network.rows == [1, 1]


@pytest.mark.parametrize(("overhead", "expected"), [(0, 2), (1, 16), (100, 32)])
def test_the_knee_is_where_rows_stop_paying(overhead: int, expected: int) -> None:
    """A call costs `overhead` rows more than its rows: twice as many save overhead / 2 of rows + overhead."""
    knee = Knee(32)
    assert knee.rows == 0
    knee.note(2, 2 + overhead)
    tried = []
    while not knee.found:
        tried.append(knee.rows)
        knee.note(knee.rows, knee.rows + overhead)
    assert knee.rows == expected
    assert knee.pays == (expected > 2)
    assert tried[:3] == [4, 2, 4]  # in turns, so that a machine that is busy for a while is busy for both
    assert len(tried) < 5 * TIMES


def test_the_knee_is_below_what_cannot_be_made() -> None:
    knee = Knee(32)
    knee.note(2, 100.0)
    while not knee.found:
        if knee.rows > 8:
            knee.failed(knee.rows)
        else:
            knee.note(knee.rows, 100.0 + knee.rows)
    assert knee.rows == 8
