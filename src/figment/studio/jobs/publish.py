"""From the staged gallery of a job into the user's, exactly once, whatever dies in between.

Numbers are taken, the plan of what goes where is fixed in the store by the one worker that holds the job, and only then
are files moved. Whoever comes later finds the plan and moves what is still there.
"""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import date
from pathlib import Path
from typing import Any

from figment.pixels.errors import PixelError
from figment.pixels.files import read_text
from figment.studio.gallery import free_number
from figment.studio.jobs.job import Job
from figment.studio.jobs.kinds import Made
from figment.studio.jobs.places import Places
from figment.studio.jobs.store import JobStore

__all__ = ["complete", "publish", "staged_pictures"]


def publish(store: JobStore, job: Job, made: Made, places: Places, *, stopped: bool = False) -> None:
    """Put what was made into the gallery and end the job. Raises LeaseLost, with nothing done, for another's job."""
    with ExitStack() as numbers:
        plan: dict[str, str] = {}
        files: list[dict[str, str]] = []
        for path in made.files:
            target = _target(path, places, numbers)
            plan[str(path.relative_to(places.root))] = str(target.relative_to(places.root))
            files.append({"path": target.relative_to(places.home).as_posix(), "settings": _settings(path)})
        outcome: dict[str, Any] = {**made.facts, "files": files, "stopped": stopped}
        store.settle(job.id, job.fence, plan, outcome)
        _move(plan, places.root)
    _end(store, job, outcome, places)


def complete(store: JobStore, job: Job, places: Places) -> None:
    """The rest of `publish` for a job whose worker died after the plan was fixed. Raises LeaseLost."""
    assert job.plan is not None
    assert job.outcome is not None
    _move(job.plan, places.root)
    _end(store, job, job.outcome, places)


def staged_pictures(staged: Path) -> tuple[Path, ...]:
    """What a stopped job had written."""
    return tuple(sorted(path for path in staged.rglob("*") if path.is_file() and not path.name.startswith(".")))


def _target(path: Path, places: Places, numbers: ExitStack) -> Path:
    """A place that nobody else takes: a number of today, and the rest of the staged file's name."""
    folder, number = numbers.enter_context(free_number(places.gallery / date.today().isoformat()))
    first, dash, rest = path.name.partition("-")
    return folder / f"{number:05}-{rest if dash and first.isdecimal() else path.name}"


def _move(plan: Mapping[str, str], root: Path) -> None:
    for source, target in plan.items():
        with suppress(FileNotFoundError):  # moved already
            (root / source).replace(root / target)


def _end(store: JobStore, job: Job, outcome: Mapping[str, Any], places: Places) -> None:
    end = store.stop if outcome["stopped"] else store.finish
    end(job.id, job.fence, outcome)
    for staged in places.all_staged(job.id):
        shutil.rmtree(staged, ignore_errors=True)


def _settings(path: Path) -> str:
    try:
        return read_text(path)
    except PixelError:
        return ""
