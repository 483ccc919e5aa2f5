"""One writer at a time, across processes, on every system."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from figment.core.errors import OutputError

__all__ = ["locked"]

PATIENCE = 30.0
"""Seconds to wait for another process before giving up."""
PAUSE = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock file `path`, made if need be; the system lets go of it when the process dies.

    Raises OutputError when another process holds it for longer than `patience` seconds.
    """
    with path.open("ab") as file:
        _wait(path, file, patience)
        try:
            yield
        finally:
            _unlock(file)


def _wait(path: Path, file: BinaryIO, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            file.seek(0)
            _try_lock(file)
            return
        except OSError as error:
            if time.monotonic() >= deadline:
                raise OutputError(
                    f"Another process has held {path} for {patience:g} s; wait for it to end, then try again."
                ) from error
            time.sleep(PAUSE)
