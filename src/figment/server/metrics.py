"""Figures for Prometheus, in its text format 0.0.4."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from figment.server.studio import TheStudio
from figment.studio.jobs.job import STATES

__all__ = ["router"]

router = APIRouter()


@router.get("/metrics", response_class=PlainTextResponse, include_in_schema=False)
async def metrics(studio: TheStudio) -> PlainTextResponse:
    """Jobs by state, workers, requests."""
    jobs, requests = studio.store.counts(), studio.requests
    lines = ["# TYPE figment_jobs gauge"]
    lines += [f'figment_jobs{{state="{state}"}} {jobs.get(state, 0)}' for state in STATES]
    workers = studio.supervisor.living if studio.supervisor is not None else 0
    lines += ["# TYPE figment_workers gauge", f"figment_workers {workers}"]
    lines += ["# TYPE figment_requests_total counter"]
    lines += [f'figment_requests_total{{status="{status}"}} {n}' for status, n in sorted(requests.count.items())]
    lines += ["# TYPE figment_request_seconds_total counter", f"figment_request_seconds_total {requests.seconds:.6f}"]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
