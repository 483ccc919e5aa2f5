"""The steps of a face swap as a user runs them, up to facesets that are ready to be learnt.

What comes after, in `swap_result`, stands behind `permitted`: a record of consent for each face, faces of one person
each, and clips without sexual content.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.core.task import Progress, Task
from figment.faceswap import pack as packing
from figment.faceswap import sorting
from figment.faceswap.dfl import exchange
from figment.faceswap.extract import ExtractSettings, SeveralPeople, extract
from figment.faceswap.frames import dump, images
from figment.faceswap.side import Side
from figment.faceswap.trained import network_file
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import files
from figment.pixels.errors import PixelError
from figment.studio.gallery import Gallery
from figment.studio.swap_consent import Grants, allowed
from figment.trust.consent import Scope
from figment.trust.containers import container_of
from figment.trust.labels import Ingredient, Operation, Provenance
from figment.trust.sensitive import Finding, checked, sampled

__all__ = [
    "PEOPLE", "exported", "extracted", "framed", "imported", "packed", "permitted", "restored", "sorted_faces",
    "unpacked",
]  # fmt: skip

SideName = Literal["src", "dst"]
PEOPLE: Mapping[SideName, str] = {"src": "people_src.png", "dst": "people_dst.png"}
"""Sheet of each side: who is seen in its clip, with numbers to choose by. How many frames each person is seen in stands
beside it, in a file of the same name that ends in .json."""
_LOOKED_AT: dict[str, Finding] = {}
"""What this process has seen in clips, by their digests: who merges frame by frame does not wait for it each time."""


def framed(workspace: Workspace, name: SideName, format: Literal["", "png", "jpg"] = "") -> Task[int]:
    """Read the clip of a side once from end to end, and write its frames as pictures if a `format` is given.

    Returns how many frames there are. Raises PixelError for a clip that is damaged.
    """
    if format:
        return (yield from dump(workspace, name, format))
    side, step = workspace.side(name), Step(f"frames {name}")
    workspace.begin(step, {"format": ""})
    times = side.times
    yield Progress(side.count, side.count, "reading frames")
    shape = next(images(side)).shape
    seconds = float(times.end * times.base)
    workspace.finish(step, {"frames": side.count, "size": f"{shape[1]}x{shape[0]}", "seconds": round(seconds, 3)})
    return side.count


def extracted(workspace: Workspace, name: SideName, settings: ExtractSettings) -> Task[int]:
    """Take the faces of one person out of a side's clip; how many there are.

    Where several people are seen and none is chosen, a sheet of them is written, and InputError says where.
    """
    try:
        return (yield from extract(workspace, name, settings))
    except SeveralPeople as several:
        side = workspace.side(name)
        about = Provenance.of(Operation.COMPOSE, inputs=(ingredient(side, "clip"),))
        path = Gallery().save(several.sheet, None, about, path=workspace.root / PEOPLE[name]).path
        write_bytes(path.with_suffix(".json"), json.dumps(several.frames).encode())
        raise InputError(f"{several} {path} shows them.") from None


def restored(workspace: Workspace, name: SideName) -> int:
    """Take in again all faces of a side that an order had left out; how many there were."""
    faceset = workspace.side(name).faceset
    names = [face.name for face in faceset.faces(dropped=True) if face.dropped.startswith(sorting.REJECTED)]
    faceset.restore(names)
    return len(names)


def sorted_faces(workspace: Workspace, name: SideName, order: str, target: int = sorting.TARGET) -> Task[int]:
    """Put the faces of a side into `order`; how many it left out, which can be taken in again."""
    side, step = workspace.side(name), Step(f"sort {name}")
    _require_faces(side)
    workspace.begin(step, {"order": order, "target": target})
    out = yield from sorting.sort(side.faceset, order, target)
    workspace.finish(step, {"kept": len(side.faceset), "left out": out})
    return out


def packed(workspace: Workspace, name: SideName) -> Task[Path]:
    """Write the faces of a side into one file beside its folder of faces, which stays; the file."""
    side, step = workspace.side(name), Step(f"pack {name}")
    _require_faces(side)
    path = _pack_file(side)
    workspace.begin(step, {})
    count = yield from packing.pack(side.faceset, path)
    workspace.finish(step, {"faces": count, "file": path.name})
    return path


def unpacked(workspace: Workspace, name: SideName, path: Path | None = None) -> Task[int]:
    """Take the faces in the file `path`, by default the one that `packed` wrote, into a side; how many there were."""
    side = workspace.side(name)
    count = yield from packing.unpack(path or _pack_file(side), side.faceset)
    _note_taken_in(workspace, side, count)
    return count


def imported(workspace: Workspace, name: SideName, path: Path) -> Task[int]:
    """Take in the faces that DeepFaceLab extracted: a folder of its pictures or a faceset.pak; how many there were."""
    side = workspace.side(name)
    count = yield from exchange.import_faces(path, side.faceset)
    _note_taken_in(workspace, side, count)
    return count


def exported(workspace: Workspace, name: SideName, path: Path) -> Task[int]:
    """Write the faces of a side as DeepFaceLab reads them: to a file that ends in .pak, or else to a folder."""
    faceset = workspace.side(name).faceset
    _require_faces(workspace.side(name))
    export = exchange.export_pak if path.suffix == ".pak" else exchange.export_folder
    return (yield from export(faceset, path))


def permitted(workspace: Workspace, scope: Scope) -> Task[Grants]:
    """The consents that allow `scope` today for both faces, in clips that show nothing sexual.

    Raises ConsentError or SensitiveError where it may not be, InputError where there is no network to swap with.
    """
    grants = allowed(workspace, scope)
    if scope is Scope.SWAP:
        network_file(workspace)  # said at once, not after both clips were looked through
    for side in (workspace.src, workspace.dst):
        if side.digest not in _LOOKED_AT:
            _LOOKED_AT[side.digest] = yield from checked(images(side, only=sampled(side.count)), side.count)
        _LOOKED_AT[side.digest].require_harmless(side.label)
    return grants


def ingredient(side: Side, name: str) -> Ingredient:
    """The clip of `side` as credentials name it; its first frame where they cannot name a file of its kind."""
    source = side.clip or side.pictures[0]
    try:
        with source.open("rb") as file:
            container_of(file.read(64))
    except PixelError:
        return Ingredient(f"{name} (its first frame)", files.encode(next(images(side)), "png"))
    return Ingredient(name, source)


def _pack_file(side: Side) -> Path:
    return side.folder / f"aligned{packing.SUFFIX}"


def _note_taken_in(workspace: Workspace, side: Side, count: int) -> None:
    step = Step(f"extract {side.name}")
    workspace.begin(step, {"from": "elsewhere"})
    workspace.finish(step, {"faces": count})


def _require_faces(side: Side) -> None:
    if not len(side.faceset):
        raise InputError(f"There are no faces of {side.label} yet; `figment swap extract {side.name}` finds them.")
