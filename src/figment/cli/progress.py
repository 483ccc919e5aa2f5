"""A task on the terminal: a bar with figures and the time left; Ctrl-C and SIGTERM close it between two steps."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from figment.core.task import Progress, Task, finish

__all__ = ["run"]

T = TypeVar("T")


def run(task: Task[T]) -> T:
    """Run `task` to its end and return its result; where stderr is no terminal, warnings alone are shown.

    Raises KeyboardInterrupt, with the task closed, when asked to stop.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    figures_column = TextColumn("{task.fields[figures]}")
    screen = Console(stderr=True)
    with _stoppable() as stops, Bar(*columns, figures_column, console=screen, disable=not screen.is_terminal) as bar:
        shown = bar.add_task("", total=None, visible=False, figures="")
        warned: set[str] = set()

        def report(progress: Progress) -> None:
            figures = "  ".join(f"{name} {value:.4g}" for name, value in progress.metrics.items())
            note = progress.note or "working"
            total = progress.total or None
            if progress.warning and progress.warning not in warned:
                warned.add(progress.warning)
                screen.print(f"{note}, step {progress.step}: {progress.warning}", markup=False, highlight=False)
            bar.update(shown, completed=progress.step, total=total, description=note, figures=figures, visible=True)
            if stops:
                raise KeyboardInterrupt

        return finish(task, report)


@contextmanager
def _stoppable() -> Generator[list[int]]:
    """A list that fills when a stop signal comes: work in hand is finished, and nothing is torn in the middle."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:  # asked twice: at once
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
