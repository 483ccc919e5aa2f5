"""Routes of the web UI's own page that some clients use as well: /internal."""

import json
import platform
import time
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from figment import __version__
from figment.server.a1111.asked import ended_of, pending
from figment.server.a1111.bodies import Asking
from figment.server.a1111.control import memory, open_jobs
from figment.server.a1111.progress import course, internal
from figment.server.studio import TheStudio, Whoever

__all__ = ["router"]

router = APIRouter(prefix="/internal")


@router.get("/ping")
def ping() -> dict[str, Any]:
    """Whether the server is there."""
    return {}


@router.get("/pending-tasks")
def pending_tasks(studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """The user's requests that wait for their turn."""
    waiting = _waiting(studio, who.name)
    return {"size": len(waiting), "tasks": waiting}


@router.post("/progress")
def progress(body: Asking, studio: TheStudio, who: Whoever) -> dict[str, Any]:
    """How far the request is that was sent with this `force_task_id`."""
    asked = next((one for one in pending(who.name) if one.task == body.id_task), None)
    now = None if asked is None else course(open_jobs(studio, who.name), studio.forecast(), asked)
    folder = None if now is None else studio.places(who.name).job(now.job.id)
    seen = body.id_live_preview if body.live_preview else None
    return internal(body.id_task, now, folder, _waiting(studio, who.name), ended_of(who.name), seen)


@router.get("/sysinfo")
@router.get("/sysinfo-download")
def sysinfo() -> PlainTextResponse:
    """What this server runs on, as a file."""
    about = {
        "Platform": platform.platform(),
        "Python": platform.python_version(),
        "Version": f"figment {__version__}",
        "CPU": {"model": platform.processor(), "architecture": platform.machine()},
        "RAM": memory()["ram"],
    }
    name = f"sysinfo-{time.strftime('%Y-%m-%d-%H-%M')}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(json.dumps(about, indent=4), headers=headers, media_type="application/json")


def _waiting(studio: TheStudio, user: str) -> list[str]:
    running = {job.id for job in open_jobs(studio, user) if job.state == "running"}
    return [one.task for one in pending(user) if not running & set(one.ids)]
