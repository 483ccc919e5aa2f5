"""Long work as a generator: it yields `Progress` and returns its result.

`yield from` composes tasks, `close()` cancels at the next yield, and `finally` saves. There are no callbacks and no
globals, so one task serves the command line, a test and a server alike.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Progress", "Task", "counted", "finish"]

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """One report of a running task."""

    step: int
    """Steps done so far."""
    total: int
    """Steps in all; 0 when it cannot be known."""
    note: str = ""
    """What is being done, in a few words."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Named figures at this step, such as losses."""
    warning: str = ""
    """What seems to be going wrong, in a sentence; empty when nothing does."""
    preview: NDArray[np.uint8] | None = None
    """A picture of the work so far: (H, W, 3) sRGB, 0 to 255."""


Task = Generator[Progress, None, T]


def counted(task: Task[T], part: range, whole: int, what: str) -> Task[T]:
    """The same task for things `part` of `whole`, counted from 0, with its steps counted over all of them.

    `what` is how one of the things is called.
    """
    try:
        while True:
            report = next(task)
            step, total = part.start * report.total + len(part) * report.step, whole * report.total
            note = f"{report.note}, {what} {part.start + 1} of {whole}".removeprefix(", ")
            yield replace(report, step=step, total=total, note=note)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        task.close()


def finish(task: Task[T], on_progress: Callable[[Progress], None] = lambda _: None) -> T:
    """Run `task` to its end, hand each report to `on_progress`, and return the result.

    When `on_progress` raises, the task is closed first, so that it saves what it has.
    """
    try:
        while True:
            on_progress(next(task))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        task.close()
