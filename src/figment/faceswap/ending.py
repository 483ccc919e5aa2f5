"""Work that ends at a good place when it is told to end: at Ctrl-C, or by the system."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["noted"]


@contextmanager
def noted() -> Iterator[list[int]]:
    """A list that gets the number of a signal to end, Ctrl-C or SIGTERM; a second one acts as before.

    Elsewhere than in the main thread signals are not ours to take.
    """
    ended: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _frame: FrameType | None) -> None:
        ended.append(number)
        restore()

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield ended
    finally:
        restore()
