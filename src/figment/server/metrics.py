"""Figures for Prometheus, in its text format 0.0.4."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import inf
from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from figment.server.studio import TheStudio
from figment.studio.jobs import kinds
from figment.studio.jobs.job import ENDED, STATES
from figment.studio.jobs.tally import BOUNDS, Tally

__all__ = ["router"]

router = APIRouter()
NONE = Tally(0, 0.0, (0,) * len(BOUNDS))


class _Sample(NamedTuple):
    ending: str
    """Of the name, such as "_sum"."""
    labels: dict[str, str]
    value: float


@router.get("/metrics", response_class=PlainTextResponse, include_in_schema=False)
async def metrics(studio: TheStudio) -> PlainTextResponse:
    """Jobs that wait, run and ended, how long they took, workers, requests."""
    store, requests = studio.store, studio.requests
    jobs, open, ended = store.counts(), store.open(), store.tallies()
    living = studio.supervisor.living if studio.supervisor is not None else 0
    every = kinds.names()
    families = (
        _family("figment_jobs", "gauge", "Jobs that are remembered, by state.", _by("state", STATES, jobs)),
        _family("figment_queue_depth", "gauge", "Jobs that wait, by kind.", _by("kind", every, open["queued"])),
        _family("figment_jobs_running", "gauge", "Jobs in hand, by kind.", _by("kind", every, open["running"])),
        _family(
            "figment_jobs_ended_total",
            "counter",
            "Jobs that came to their end, by kind and by which.",
            (
                _Sample("", {"kind": kind, "state": state}, ended.get((kind, state), NONE).jobs)
                for kind in every
                for state in ENDED
            ),
        ),
        _family(
            "figment_job_duration_seconds",
            "histogram",
            "Time from the beginning of a job to its end, of those that were done, by kind.",
            (sample for kind in every for sample in _histogram(kind, ended.get((kind, "done"), NONE))),
        ),
        _family("figment_workers", "gauge", "Workers that run.", [_Sample("", {}, living)]),
        _family(
            "figment_requests_total",
            "counter",
            "Requests that were answered, by the class of their status.",
            (_Sample("", {"status": status}, number) for status, number in sorted(requests.count.items())),
        ),
        _family(
            "figment_request_seconds_total",
            "counter",
            "Time to the first bytes of all answers.",
            [_Sample("", {}, requests.seconds)],
        ),
    )
    text = "".join(f"{line}\n" for family in families for line in family)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _by(label: str, values: Iterable[str], counts: dict[str, int]) -> Iterator[_Sample]:
    return (_Sample("", {label: value}, counts.get(value, 0)) for value in values)


def _histogram(kind: str, tally: Tally) -> Iterator[_Sample]:
    for bound, number in zip(BOUNDS, accumulate(tally.classes), strict=True):
        yield _Sample("_bucket", {"kind": kind, "le": "+Inf" if bound == inf else f"{bound:g}"}, number)
    yield _Sample("_sum", {"kind": kind}, tally.seconds)
    yield _Sample("_count", {"kind": kind}, sum(tally.classes))


def _family(name: str, type: str, help: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {type}"
    for ending, labels, value in samples:
        said = ",".join(f'{label}="{text}"' for label, text in labels.items())  # names of ours: nothing to be escaped
        yield f"{name}{ending}{{{said}}} {value:.15g}" if said else f"{name}{ending} {value:.15g}"
