"""Starts the workers, starts them again when they die, and looks after the queue meanwhile."""

import logging
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from figment.core.errors import InputError
from figment.studio.jobs import kinds
from figment.studio.jobs.places import Places, state_of
from figment.studio.jobs.store import JobStore

__all__ = ["Supervisor", "devices"]

LOOK, SWEEP = 0.1, 1.0
"""Seconds between two looks at the workers, and at the leases."""
KEEP = 10_000
"""Jobs that have ended, of which the newest are remembered."""
PATIENCE = 20.0
"""Seconds that a worker gets to finish its step and save."""
_log = logging.getLogger(__name__)


def devices() -> tuple[str, ...]:
    """GPUs by number, or the one processor, told without loading a tensor library."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return tuple(filter(None, chosen.split(","))) or ("cpu",)
    return tuple(str(number) for number, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))) or ("cpu",)


@dataclass
class _Seat:
    """A worker's place, taken by one process after another."""

    device: str
    kinds: tuple[str, ...]
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = field(default=0)


class Supervisor:
    """The workers of the studio in `root`: one for each device, and one for what takes no device."""

    def __init__(self, root: Path, store: JobStore, *, keep: int = KEEP) -> None:
        """Take the folder for this process. Raises InputError when another studio has it."""
        self.root, self.store, self.keep = root, store, keep
        self._lock = _locked(state_of(root) / "studio.lock")
        slow, quick = kinds.names(quick=False), kinds.names(quick=True)
        self.seats = [*(_Seat(device, slow) for device in devices()), _Seat("none", quick)]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor")

    def start(self) -> None:
        """Queue again what was cut off by the last end, and start the workers."""
        self.store.recover()
        for seat in self.seats:
            self._seat(seat)
        self._thread.start()

    def stop(self) -> None:
        """End the workers after their step; jobs in hand are gone on with at the next start."""
        self._ending.set()
        self._thread.join()
        alive = [seat.process for seat in self.seats if seat.process is not None]
        for process in alive:
            process.terminate()
        until = time.monotonic() + PATIENCE
        for process in alive:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._lock.close()

    @property
    def alive(self) -> bool:
        """Whether every worker runs."""
        return self.living == len(self.seats)

    @property
    def living(self) -> int:
        """How many workers run."""
        return sum(seat.process is not None and seat.process.poll() is None for seat in self.seats)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [seat.process.pid for seat in self.seats if seat.process is not None]

    def _seat(self, seat: _Seat) -> None:
        """Start a process. It holds one end of a pipe, which closes when this process dies, and dies then as well."""
        environment = dict(os.environ)
        if seat.device == "none":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        elif seat.device != "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = seat.device
        seat.name, seat.started = f"{seat.device}-{secrets.token_hex(4)}", time.monotonic()
        command = [sys.executable, "-m", "figment.studio.jobs.worker", str(self.root), seat.name, *seat.kinds]
        seat.process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)

    def _watch(self) -> None:
        swept = pruned = 0.0
        while not self._ending.wait(LOOK):
            now = time.monotonic()
            for seat in self.seats:
                self._look_after(seat, now)
            if now - swept >= SWEEP:
                swept = now
                self.store.sweep()
            if now - pruned >= 60 * SWEEP:
                pruned = now
                self._prune()

    def _look_after(self, seat: _Seat, now: float) -> None:
        if seat.process is None or seat.process.poll() is None:
            return
        if seat.name:
            _log.warning("Worker %s ended with %s; it is started again.", seat.name, seat.process.returncode)
            if seat.process.stdin is not None:
                seat.process.stdin.close()
            self.store.abandon(seat.name)
            seat.deaths = seat.deaths + 1 if now - seat.started < 60 else 1
            seat.name, seat.started = "", now
        if now - seat.started >= min(10.0, 0.1 * 2**seat.deaths):
            self._seat(seat)

    def _prune(self) -> None:
        for id in self.store.prune(self.keep):
            shutil.rmtree(Places(self.root).job(id), ignore_errors=True)


def _locked(path: Path) -> sqlite3.Connection:
    """An exclusive lock that every system takes away from a process that dies: SQLite's. Raises InputError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("PRAGMA locking_mode=EXCLUSIVE")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        lock.close()
        raise InputError(f"Another studio runs in {path.parent.parent}; stop it, or give another --root.") from None
    return lock
