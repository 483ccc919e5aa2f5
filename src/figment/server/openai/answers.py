"""From jobs to what OpenAI's clients read."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from figment.core.errors import InputError
from figment.server.openai.bodies import Drawing
from figment.studio.jobs.job import Job
from figment.studio.jobs.places import Places
from figment.studio.parameters import read

__all__ = ["Picture", "completed", "event", "partial", "pictures", "whole"]

Picture = tuple[str, bytes, str]
"""Name of the file, its bytes as the gallery wrote them, and its settings."""
USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
"""Nothing is counted or charged."""


def pictures(job: Job, places: Places) -> list[Picture]:
    """All that `job` made; what was deleted since is left out."""
    found: list[Picture] = []
    for one in (job.result or {}).get("files", ()):
        try:
            found.append((one["path"], places.file(one["path"]).read_bytes(), one["settings"]))
        except (InputError, FileNotFoundError):
            continue
    return found


def whole(job: Job, made: Sequence[Picture], body: Drawing, base: str) -> dict[str, Any]:
    """The answer to a request that is not streamed; `base` is this server's address."""
    by_url = body.response_format == "url"
    data: list[dict[str, str]] = []
    for path, content, _ in made:
        data.append({"url": f"{base}api/files/{path}"} if by_url else {"b64_json": b64encode(content).decode()})
    return {"created": int(job.created), "data": data, **_how(body, made[0][2] if made else ""), "usage": USAGE}


def partial(job: Job, name: str, content: bytes, index: int, body: Drawing) -> str:
    """The event of a preview."""
    return event(
        f"{name}.partial_image",
        {
            "b64_json": b64encode(content).decode(),
            "partial_image_index": index,
            "created_at": int(job.created),
            **_how(body, ""),
        },
    )


def completed(job: Job, name: str, picture: Picture, body: Drawing) -> str:
    """The event of a finished picture."""
    _, content, text = picture
    facts = {"b64_json": b64encode(content).decode(), "created_at": int(job.created), "usage": USAGE}
    return event(f"{name}.completed", facts | _how(body, text))


def event(type: str, facts: Mapping[str, Any]) -> str:
    """One server-sent event."""
    return f"event: {type}\ndata: {json.dumps({'type': type, **facts}, ensure_ascii=False)}\n\n"


def _how(body: Drawing, text: str) -> dict[str, str]:
    settings = read(text) if text else None
    size = body.size or "auto" if settings is None else f"{settings.width}x{settings.height}"
    quality = body.quality if body.quality in ("low", "medium", "high", "xhigh", "max") else "auto"
    format = body.output_format or "png"
    return {"background": "opaque", "output_format": format, "quality": quality or "auto", "size": size}
