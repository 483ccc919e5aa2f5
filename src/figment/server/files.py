"""Files over HTTP: what users send, and what is in their galleries."""

import re
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from figment.core.errors import InputError
from figment.pixels.errors import PixelError
from figment.pixels.files import read_text
from figment.server.problems import Problem
from figment.server.studio import TheStudio, Whoever
from figment.studio.jobs.places import Places

__all__ = ["SHOWN", "router"]

router = APIRouter(prefix="/api")
SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""Files that are taken and shown, and as what."""
SEARCHED = 5000
"""Newest pictures that a search reads."""


@dataclass(frozen=True)
class Upload:
    """A file that was sent."""

    file: str
    """By which jobs name it."""
    size: int


@dataclass(frozen=True)
class Picture:
    """A picture or clip of the gallery."""

    file: str
    """By which jobs name it; /api/files/FILE has its bytes."""
    size: int
    modified: float
    settings: str
    """How it was made, as written in it; another program's words, perhaps: to be escaped where they are shown."""


@router.put("/uploads/{name}", status_code=201)
async def upload(name: str, request: Request, studio: TheStudio, who: Whoever) -> Upload:
    """Take the request's body as a file; it is called by its content, and by the ending of `name`."""
    suffix = Path(name).suffix.lower()
    if suffix not in SHOWN:
        raise InputError(f"A file that is sent must end in one of {', '.join(SHOWN)}.")
    places = studio.places(who.name)
    places.uploads.mkdir(parents=True, exist_ok=True)
    if await run_in_threadpool(_taken, places.uploads) > studio.settings.most_uploads:
        raise Problem(507, "All the room for files that you sent is taken; delete some of them.")
    digest = sha256()
    with tempfile.NamedTemporaryFile(dir=places.uploads, prefix=".", suffix=".part", delete=False) as part:
        path = Path(part.name)
        try:
            async for chunk in request.stream():
                digest.update(chunk)
                await run_in_threadpool(part.write, chunk)
            part.flush()
            target = places.uploads / f"{digest.hexdigest()[:32]}{suffix}"
            path.chmod(0o644)
            path.replace(target)
        finally:
            path.unlink(missing_ok=True)
    return Upload(places.name(target), target.stat().st_size)


@router.get("/gallery")
def gallery(
    studio: TheStudio,
    who: Whoever,
    before: Annotated[str | None, Query(max_length=300)] = None,
    search: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Picture]:
    """Pictures, newest first; those after `before` in that order, whose settings hold all words of `search`."""
    places = studio.places(who.name)
    paths = [path for path in _finished(places.gallery) if before is None or places.name(path) < before]
    words, found = search.lower().split(), list[Picture]()
    for path in paths[:SEARCHED]:
        picture = _picture(path, places)
        if all(word in f"{picture.file} {picture.settings}".lower() for word in words):
            found.append(picture)
        if len(found) == limit:
            break
    return found


@router.get("/files/{file:path}", response_class=FileResponse)
def get_file(file: str, studio: TheStudio, who: Whoever) -> FileResponse:
    """The bytes of a file of one's own, with its Content Credentials as they were written."""
    path = _own(file, studio.places(who.name))
    return FileResponse(path, media_type=SHOWN[path.suffix.lower()])


@router.get("/settings/{file:path}")
def get_settings(file: str, studio: TheStudio, who: Whoever) -> Picture:
    """What a picture says of itself."""
    places = studio.places(who.name)
    return _picture(_own(file, places), places)


@router.delete("/files/{file:path}", status_code=204)
def delete_file(file: str, studio: TheStudio, who: Whoever) -> None:
    """Delete a file of one's own."""
    _own(file, studio.places(who.name)).unlink(missing_ok=True)


def _own(file: str, places: Places) -> Path:
    try:
        path = places.file(file)
    except InputError as error:
        raise Problem(404, str(error)) from None
    if path.suffix.lower() not in SHOWN:
        raise Problem(404, "There is no such picture or clip.")
    return path


def _finished(folder: Path) -> list[Path]:
    """Pictures and clips in folders by date, newest first."""
    shown = (path for path in folder.glob("*/*") if path.suffix.lower() in SHOWN)
    dated = (path for path in shown if re.fullmatch(r"\d{4}-\d\d-\d\d", path.parent.name) and path.name[0] != ".")
    return sorted(dated, reverse=True)


def _picture(path: Path, places: Places) -> Picture:
    facts = path.stat()
    return Picture(places.name(path), facts.st_size, facts.st_mtime, _settings(path, facts.st_mtime_ns))


@lru_cache(maxsize=SEARCHED)
def _settings(path: Path, _modified: int) -> str:
    try:
        return read_text(path)
    except PixelError:
        return ""


def _taken(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
