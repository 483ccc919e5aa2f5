"""What there is to choose from: models, what lies in the drop-in folders, samplers, families, data sets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse

from figment.diffusion import sidecars
from figment.server.problems import Problem
from figment.server.studio import TheStudio
from figment.studio.drop_in import Dropped, What, dropped
from figment.studio.jobs.catalogue import read_catalogue
from figment.studio.library import DEFAULT, entries

__all__ = ["router"]

router = APIRouter(prefix="/api")
Shelf = Literal["models", "loras", "vaes", "embeddings", "upscalers", "wildcards"]
SHELVES: dict[Shelf, What] = {
    "models": What.CHECKPOINT,
    "loras": What.LORA,
    "vaes": What.VAE,
    "embeddings": What.EMBEDDING,
    "upscalers": What.UPSCALER,
    "wildcards": What.WILDCARDS,
}


@dataclass(frozen=True)
class Choice:
    """One file that can be chosen. What it says of itself is a stranger's words: to be escaped where it is shown."""

    name: str
    """By which jobs name it."""
    place: str
    """ "built in", "models", "run" or "dropped"."""
    base: str
    """Models that it is for, as its tensors tell, or the family of Figment's own; empty before a worker has looked."""
    size: int
    fault: str = ""
    """Why it cannot be used."""
    trigger_words: tuple[str, ...] = ()
    weight: float | None = None
    """Preferred weight of a LoRA."""
    description: str = ""
    preview: str = ""
    """Path of its picture."""
    default: bool = False


@router.get("/shelves/{shelf}")
def list_shelf(shelf: Shelf, studio: TheStudio) -> list[Choice]:
    """Everything of one sort."""
    root = studio.settings.root
    known = read_catalogue(root)
    looked = {one["path"]: one for one in known["shelf"]}
    own: list[Choice] = []
    if shelf == "models":
        families = {one["path"]: one["family"] for one in known["own"]}
        own = [
            Choice(
                entry.name,
                entry.place,
                families.get(str(entry.path), ""),
                entry.path.stat().st_size,
                default=entry.name == DEFAULT,
            )
            for entry in entries(root)
        ]
    return own + [_choice(shelf, one, looked.get(str(one.path), {})) for one in dropped(SHELVES[shelf], root)]


@router.get("/shelves/{shelf}/preview", response_class=FileResponse)
def preview(shelf: Shelf, name: str, studio: TheStudio) -> FileResponse:
    """The picture that lies beside a file."""
    for one in dropped(SHELVES[shelf], studio.settings.root):
        picture = sidecars.read(one.path).preview if one.name == name else None
        if picture is not None and picture.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"):
            return FileResponse(picture)
    raise Problem(404, "There is no such picture.")


@router.get("/catalogue")
def catalogue(studio: TheStudio) -> dict[str, Any]:
    """Samplers, schedules with their noise levels, upscalers, families, data sets; empty until a worker has started."""
    known = read_catalogue(studio.settings.root)
    return {name: known[name] for name in ("samplers", "schedules", "curves", "upscalers", "families", "datasets")}


def _choice(shelf: Shelf, one: Dropped, looked: dict[str, Any]) -> Choice:
    beside = sidecars.read(one.path)
    picture = f"/api/shelves/{shelf}/preview?name={one.name}" if beside.preview else ""
    return Choice(
        one.name,
        "dropped",
        looked.get("base", beside.base),
        _size(one.path),
        looked.get("fault", ""),
        beside.trigger_words,
        beside.weight,
        beside.description,
        picture,
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
