"""Cores that are shared while groups of frames are drawn at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import torch

from figment.faceswap.merge.drawing import cores

Answer = TypeVar("Answer")


def in_a_new_thread(way: Callable[[], Answer]) -> Answer:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(way).result()


@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_later_threads_have_all_cores_again_whoever_ends_last(first_leaves_first: bool) -> None:
    """The second thread begins while the first has its share, and would take that for what there was before."""
    order, both_in = [threading.Event(), threading.Event()], threading.Barrier(3, timeout=60)
    before = torch.get_num_threads()

    def drawing(may_leave: threading.Event) -> int:
        with cores.shared():
            both_in.wait()
            may_leave.wait(60)
            return torch.get_num_threads()

    torch.set_num_threads(before + 2)
    try:
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
            seen = [one.submit(drawing, order[0]), other.submit(drawing, order[1])]
            both_in.wait()
            for place in (0, 1) if first_leaves_first else (1, 0):
                order[place].set()
                assert seen[place].result(60) < before + 2
        assert in_a_new_thread(torch.get_num_threads) == before + 2
        assert torch.get_num_threads() == before + 2
    finally:
        torch.set_num_threads(before)
