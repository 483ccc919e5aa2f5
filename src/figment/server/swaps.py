"""Face swaps over HTTP: workspaces, how far they are, consent, and the pictures that they show. Steps are jobs."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse

from figment.core.config import Field, config
from figment.core.errors import InputError
from figment.server.files import SHOWN
from figment.server.problems import Problem
from figment.server.studio import TheStudio, Whoever
from figment.studio.jobs.kinds.swap import NAME, workspace_of

__all__ = ["router"]

router = APIRouter(prefix="/api")
PICTURES = {
    "people-src": "people_src.png",
    "people-dst": "people_dst.png",
    "preview": "model/preview.png",
    "curve": "model/figment-curve.png",
    "frame": "merge_frame.jpg",
    "strip": "result_strip.png",
    "report": "report.png",
    "result": "result.mp4",
    "src": "data_src.mp4",
    "dst": "data_dst.mp4",
}
"""What a workspace has to show, by the names that it is asked for."""


@config
class Clips:
    """Two clips that were sent."""

    name: Annotated[str, Field(pattern=NAME)]
    """Name of the new workspace."""
    src: Annotated[str, Field(max_length=300)]
    """Clip whose face is taken, such as "uploads/....mp4"."""
    dst: Annotated[str, Field(max_length=300)]
    """Clip that it is put into."""


@config
class Consents:
    """Records of the ledger for both people."""

    src: Annotated[str, Field(max_length=80)]
    """Alias or hash of the record of the person whose face is taken."""
    dst: Annotated[str, Field(max_length=80)]
    """The same of the person in the clip."""


@config
class Agreement:
    """A consent to be recorded; `figment consent add` says what each field means."""

    alias: Annotated[str, Field(max_length=64)]
    subject: Literal["self", "adult", "performer", "fictional", "synthetic"]
    purpose: Annotated[str, Field(max_length=500)]
    scope: tuple[Literal["train", "swap"], ...] = ("train", "swap")
    age: Annotated[int, Field(ge=0, le=150)] | None = None
    evidence: str = ""
    """File that was sent, such as "uploads/...", of the signed form; only its hash is kept."""
    confirmed: bool = False
    """Whether the statement was shown and confirmed."""


@dataclass(frozen=True)
class ReportRow:
    """One line of a quality report."""

    name: str
    value: str
    wanted: str
    """What a good swap reaches; empty where there is no such number."""


@dataclass(frozen=True)
class SwapView:
    """A workspace as its user sees it."""

    name: str
    steps: list[dict[str, Any]]
    """The twelve steps: step, state, stale, settings, figures."""
    people: dict[str, list[int]]
    """Where several people were seen in the clip of a side: how many frames each is in, by number on the sheet."""
    report: list[ReportRow]
    """The quality report of the result as it is now, where it was measured."""
    consented: bool
    """Whether consents are named for its clips."""
    shows: list[str]
    """Names of the pictures and clips that /api/swaps/NAME/files/... has."""


@router.get("/swaps")
def list_swaps(studio: TheStudio, who: Whoever) -> list[str]:
    """Names of one's workspaces."""
    folder = studio.places(who.name).home / "swaps"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


@router.post("/swaps", status_code=201)
def make(clips: Clips, studio: TheStudio, who: Whoever) -> SwapView:
    """Make a workspace of two clips that were sent."""
    places = studio.places(who.name)
    folder = places.home / "swaps" / clips.name
    files = [places.file(name) for name in (clips.src, clips.dst)]
    if any(file.suffix.lower() not in (".mp4", ".webm") for file in files):
        raise InputError("A swap is made of two clips, MP4 or WebM.")
    if folder.exists():
        raise Problem(409, f"There is a swap '{clips.name}' already; choose another name.")
    folder.mkdir(parents=True)
    for file, side in zip(files, ("src", "dst"), strict=True):
        shutil.copyfile(file, folder / f"data_{side}{file.suffix.lower()}")
    return _view(folder)


@router.get("/swaps/{name}")
def status(name: str, studio: TheStudio, who: Whoever) -> SwapView:
    """How far a workspace is."""
    return _view(workspace_of(studio.places(who.name), name))


@router.put("/swaps/{name}/consents")
def consents(name: str, said: Consents, studio: TheStudio, who: Whoever) -> SwapView:
    """Name the records of consent of both people. Refused where one does not hold today."""
    from figment.faceswap.workspace import Workspace
    from figment.studio.swap_consent import declare

    folder = workspace_of(studio.places(who.name), name)
    declare(Workspace(folder), said.src, said.dst)
    return _view(folder)


@router.get("/swaps/{name}/files/{which}", response_class=FileResponse)
def file(name: str, which: str, studio: TheStudio, who: Whoever) -> FileResponse:
    """A picture or clip of a workspace."""
    folder = workspace_of(studio.places(who.name), name)
    path = folder / PICTURES[which] if which in PICTURES else None
    if path is None or not path.is_file():
        raise Problem(404, f"The swap has no '{which[:40]}' yet.")
    return FileResponse(path, media_type=SHOWN[path.suffix])


@router.get("/consents")
def list_consents(_who: Whoever) -> dict[str, Any]:
    """Records of the ledger of this installation, and the statement that a new one confirms."""
    from figment.trust import attestation
    from figment.trust.ledger import Ledger

    records = [
        {
            "id": record.id,
            "alias": record.consent.alias,
            "subject": record.consent.subject,
            "scope": list(record.consent.scope),
            "withdrawn": record.withdrawn is not None,
            "expires": None if record.consent.expires is None else str(record.consent.expires),
        }
        for record in Ledger().records()
    ]
    return {"statement": {"en": attestation.ENGLISH, "ko": attestation.KOREAN}, "records": records}


@router.post("/consents", status_code=201)
def add_consent(said: Agreement, studio: TheStudio, who: Whoever) -> dict[str, str]:
    """Record a consent. Refused without the confirmation of its statement, and for minors."""
    from figment.trust.consent import Consent, Scope, Subject, evidence_hash
    from figment.trust.ledger import Ledger

    evidence = evidence_hash(studio.places(who.name).file(said.evidence)) if said.evidence else ""
    scope = tuple(Scope(one) for one in said.scope)
    consent = Consent(Subject(said.subject), said.alias, scope, said.purpose, evidence)
    return {"id": Ledger().add(consent, age=said.age, confirmed=said.confirmed).id}


def _view(folder: Path) -> SwapView:
    from figment.faceswap.workspace import Workspace

    steps = [
        {
            "step": str(state.step),
            "state": state.state,
            "stale": list(state.stale),
            "settings": dict(state.settings),
            "figures": dict(state.figures),
        }
        for state in Workspace(folder).status()
    ]
    sheets = {side: folder / f"people_{side}.json" for side in ("src", "dst")}
    people = {side: json.loads(sheet.read_bytes()) for side, sheet in sheets.items() if sheet.is_file()}
    shows = [name for name, place in PICTURES.items() if (folder / place).is_file()]
    return SwapView(folder.name, steps, people, _report(folder), (folder / "consent.json").is_file(), shows)


def _report(folder: Path) -> list[ReportRow]:
    """The rows of the newest report, if it is of the result that is there."""
    result, written = folder / "result.mp4", folder / "report.json"
    if not (result.is_file() and written.is_file()) or written.stat().st_mtime_ns < result.stat().st_mtime_ns:
        return []
    return [ReportRow(**row) for row in json.loads(written.read_bytes())]
