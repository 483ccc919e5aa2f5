"""A process that takes jobs and does them: `python -m figment.studio.jobs.worker ROOT NAME KIND...`.

It does one after another, but for jobs that one model can do together, each in a thread of its own. It keeps the last
model loaded between jobs, and dies with the process that holds the other end of its standard input.
"""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from figment.core.config import from_dict
from figment.core.errors import FigmentError
from figment.core.files import write_bytes
from figment.core.task import Progress
from figment.nn.shared_calls import Abandoned, on_behalf_of
from figment.pixels.errors import PixelError
from figment.studio.jobs import kinds
from figment.studio.jobs.fairness import SEATS
from figment.studio.jobs.job import Job, LeaseLost, NoSuchJob
from figment.studio.jobs.places import Places, database_of
from figment.studio.jobs.publish import complete, publish, staged_pictures
from figment.studio.jobs.store import JobStore
from figment.trust.labels import Operation, Provenance, SourceType
from figment.trust.stamp import stamp

__all__ = ["Worker"]

LEASE = 15.0
"""Seconds for which a job is held without a sign of life."""
IDLE = 0.05
"""Seconds between two looks at an empty queue, or at whether the job in hand is to be cancelled."""
REPORTS, PREVIEWS = 0.1, 0.5
"""Seconds between two reports that are stored, and two previews."""
UNFINISHED = Provenance(
    Operation.COMPOSE, SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, model="a job that is not at its end"
)
"""What a preview's credentials say: whoever keeps one has a picture that a model made."""
_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The job was cancelled."""


class _Ending(Exception):
    """The process was asked to end."""


class Worker:
    """Does jobs of some kinds in the studio's folder `root`, under the name `name`."""

    def __init__(self, root: Path, name: str, known: Sequence[str], lease: float = LEASE) -> None:
        self.root, self.name, self.known, self.lease = root, name, tuple(known), lease
        self.store = JobStore(database_of(root))
        self.ending = threading.Event()
        """Set to end after the step in hand."""
        self._seated: dict[Future[None], str] = {}
        """Jobs that are being done together, with their users."""
        self._company: str | None = None
        """What they share."""

    def work(self) -> None:
        """Do jobs until the end is asked for."""
        with ThreadPoolExecutor(SEATS, "job") as threads:
            while not self.ending.is_set():
                job = self._claimed()
                if job is None:
                    continue
                company = self._company_of(job)
                if company is None or company != self._company:
                    self._clear(job)
                self._company = company
                if self.ending.is_set():
                    break
                if company is None:
                    self._do(job)
                else:
                    self._seated[threads.submit(self._do, job)] = job.user

    def _claimed(self) -> Job | None:
        """The next job for which there is a seat; None, after a while, where there is none."""
        for ended in [one for one in self._seated if one.done()]:
            del self._seated[ended]
            ended.result()  # a fault of the queue itself ends this process
        free, taken = SEATS - len(self._seated), Counter(self._seated.values())
        full = [user for user, seats in taken.items() if seats >= free]
        job = self.store.claim(self.name, self.known, self.lease, full) if free else None
        if job is None and self._seated:
            wait(self._seated, IDLE, FIRST_COMPLETED)
        elif job is None:
            self.ending.wait(IDLE)
        return job

    def _company_of(self, job: Job) -> str | None:
        with _Pulse(self.store, job, self.lease):  # it may import networks, which takes a while
            try:
                return None if job.plan else kinds.company(job.kind, job.parameters, Places(self.root, job.user))
            except (FigmentError, PixelError, OSError):
                return None  # doing it says what is wrong

    def _clear(self, job: Job) -> None:
        """Hold `job` until those who are seated have done theirs, or it is cancelled."""
        with _Pulse(self.store, job, self.lease) as cancelled:
            while not (self.ending.is_set() or cancelled.is_set()) and wait(self._seated, IDLE).not_done:
                pass

    def _do(self, job: Job) -> None:
        """Bring one job to its end; what it raises ends the job and never this process."""
        places = Places(self.root, job.user)
        with (
            _Pulse(self.store, job, self.lease) as cancelled,
            on_behalf_of(job.user, lambda: not (cancelled.is_set() or self.ending.is_set())),
        ):
            try:
                if job.plan is None:
                    self._make(job, places, cancelled.is_set)
                else:
                    complete(self.store, job, places)
            except LeaseLost:
                _log.warning("Job %s went to another worker.", job.id)
            except _Ending:
                _log.info("Job %s is left for the next start.", job.id)
            except (FigmentError, PixelError) as error:
                self._failed(job, str(error))
            except Exception as error:  # noqa: BLE001  # a fault of ours must not stop the queue
                _log.exception("Job %s broke.", job.id)
                self._failed(job, f"This should not happen: {type(error).__name__}: {error}"[:500])
        shutil.rmtree(places.job(job.id), ignore_errors=True)

    def _make(self, job: Job, places: Places, cancelled: Callable[[], bool]) -> None:
        for old in places.all_staged(job.id):
            shutil.rmtree(old, ignore_errors=True)
        staged = places.staged(job.id, job.fence)
        module = kinds.kind(job.kind)
        task = module.run(from_dict(module.Parameters, job.parameters), kinds.Context(job.id, places, staged))
        report = _Reporter(self.store, job, places.job(job.id), self.ending.is_set, cancelled)
        try:
            report.check()
            while True:
                try:
                    report(next(task))
                except Abandoned:
                    report.check()  # says why
                    raise
        except StopIteration as stop:
            made: kinds.Made = stop.value
            publish(self.store, job, made, places)
        except _Stopped:
            task.close()
            publish(self.store, job, kinds.Made(staged_pictures(staged)), places, stopped=True)
        finally:
            task.close()

    def _failed(self, job: Job, error: str) -> None:
        try:
            self.store.fail(job.id, job.fence, error)
        except LeaseLost:
            _log.warning("Job %s failed here, and went to another worker: %s", job.id, error)


class _Pulse:
    """Renews the lease of a job from a thread of its own, so that a long step does not lose it.

    Within it stands an event that is set when the job is to be cancelled.
    """

    def __init__(self, store: JobStore, job: Job, lease: float) -> None:
        self.store, self.job, self.lease = store, job, lease
        self.done, self.cancelled = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> threading.Event:
        if self.store.get(self.job.id).cancelling:
            self.cancelled.set()
        self.thread.start()
        return self.cancelled

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def _beat(self) -> None:
        beaten = time.monotonic()
        while not self.done.wait(IDLE):
            try:
                if time.monotonic() - beaten >= self.lease / 5:
                    beaten = time.monotonic()
                    self.store.beat(self.job.id, self.job.fence, self.lease)
                if self.store.get(self.job.id).cancelling:
                    self.cancelled.set()
            except (LeaseLost, NoSuchJob):
                return  # the next report says so where it can be acted on


class _Reporter:
    """Stores a job's progress, not more often than anyone can see, and stops it when it is cancelled."""

    def __init__(
        self, store: JobStore, job: Job, folder: Path, ending: Callable[[], bool], cancelled: Callable[[], bool]
    ) -> None:
        self.store, self.job, self.folder = store, job, folder
        self.ending, self.cancelled = ending, cancelled
        self.reported = self.shown = -float("inf")

    def check(self) -> None:
        """Raise _Ending or _Stopped where the job is not to go on."""
        if self.ending():
            raise _Ending
        if self.cancelled():
            raise _Stopped

    def __call__(self, report: Progress) -> None:
        self.check()
        now = time.monotonic()
        if now - self.reported < REPORTS and report.step < report.total:
            return
        self.reported, preview = now, None
        if report.preview is not None and now - self.shown >= PREVIEWS:
            self.shown, preview = now, f"preview-{self.job.fence}-{report.step}.jpg"
            write_bytes(self.folder / preview, stamp(report.preview, "jpeg", "", UNFINISHED))
        stopped = self.store.progress(self.job.id, self.job.fence, report, preview)
        if preview is not None:
            self._forget_but(preview)
        if stopped:
            raise _Stopped

    def _forget_but(self, newest: str) -> None:
        for old in self.folder.glob("preview-*"):
            if old.name != newest:
                old.unlink(missing_ok=True)


def _die_with_parent() -> None:
    """End this process at once when the other end of standard input closes, even where it was killed."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def main(root: str, name: str, *known: str) -> None:
    """Work in `root` until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s " + name + " %(message)s")
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if hasattr(os, "nice"):  # the server comes first; Windows has no such call
        os.nice(5)
    os.chdir(root)  # runs and data sets are named from there
    worker = Worker(Path.cwd(), name, known)
    signal.signal(signal.SIGTERM, lambda *_: worker.ending.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the server tells when to end
    if any(not kinds.kind(one).QUICK for one in known):
        from figment.studio.jobs.catalogue import write_catalogue

        write_catalogue(worker.root)
    worker.work()
    worker.store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
