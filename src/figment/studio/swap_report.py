"""The quality report of a workspace: its result beside the clip that it was made from, as a table and `report.png`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.core.task import Task
from figment.faceswap.affine import moved
from figment.faceswap.align import matrix, warped
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.frames import images
from figment.faceswap.merge import Mode
from figment.faceswap.merge.session import Session
from figment.faceswap.model import SwapModel
from figment.faceswap.report import Material, Report, drawn, independent, measured, reconstruction
from figment.faceswap.report.measuring import Draw
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import clips, files
from figment.studio.gallery import Gallery
from figment.studio.swap_consent import allowed, note_output
from figment.trust.badge import badge
from figment.trust.consent import Scope
from figment.trust.labels import Ingredient, Operation, Provenance, SourceType
from figment.trust.ledger import Ledger

__all__ = ["PICTURE", "Written", "report"]

PICTURE = "report.png"


@dataclass(frozen=True)
class Written:
    """A report and where its picture lies."""

    report: Report
    picture: Path


def report(
    workspace: Workspace,
    held_out: Sequence[AlignedFace],
    model: SwapModel | None = None,
    *,
    ledger: Ledger | None = None,
) -> Task[Written]:
    """Measure the result of `workspace`, and write the picture of the report into it, labelled and signed.

    Beside it stand the rows of its table, in `report.json`.

    `held_out` are faces of src that training did not see, and `model` is what it came to. Raises ConsentError as
    merging does, InputError where there is no result or it was made of another clip.
    """
    grants = allowed(workspace, Scope.SWAP, ledger=ledger)
    source = workspace.src.faceset
    own = independent((face, source.image(face)) for face in held_out)
    found = yield from measured(_material(workspace, own))
    if model is not None:
        score = yield from reconstruction([_cut(source, face, model) for face in held_out], _redrawn(model))
        found = replace(found, reconstruction=score)
    provenance = Provenance(
        Operation.COMPOSE,
        SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
        inputs=(Ingredient(workspace.result.name, workspace.result),),
        consent_sha256=grants.sha256,
    )
    path = Gallery().save(drawn(found, badge), None, provenance, path=workspace.root / PICTURE).path
    note_output(grants, path, ledger=ledger)
    rows = [row._asdict() for row in found.rows()]
    write_bytes(path.with_suffix(".json"), json.dumps(rows, indent=2, ensure_ascii=False).encode())
    return Written(found, path)


def _material(workspace: Workspace, own: NDArray[np.float32]) -> Material:
    side, merge = workspace.dst, workspace.state(Step.MERGE)
    if merge.state != "done" or "dst" in merge.stale:
        raise InputError(f"The clip of {workspace.root} is not merged to its end; merge it first.")
    if not workspace.result.is_file():
        raise InputError(f"There is no {workspace.result.name} in {workspace.root} yet; make the video first.")
    session = Session(workspace.merged, side.digest, side.count, workspace.put_away)
    settings = session.settings()
    changed = {number for number in session.made() if settings[number].mode is not Mode.ORIGINAL}

    def mask(number: int) -> NDArray[np.uint8] | None:
        return files.load(session.mask_file(number), "L") if number in changed else None

    faces = sorted(side.faceset.faces(), key=lambda face: (face.frame, face.index), reverse=True)
    first = {face.frame: face for face in faces}
    return Material(images(side), clips.frames(workspace.result), side.count, first, mask, own)


def _cut(faceset: Faceset, face: AlignedFace, model: SwapModel) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The picture of `face` as `model` takes it, and its points in that."""
    place = matrix(face.landmarks, model.size, model.face_type)
    return warped(faceset.image(face), place, model.size), moved(face.landmarks, place)


def _redrawn(model: SwapModel) -> Draw:
    @torch.no_grad()
    def draw(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        device = next(model.network.parameters()).device
        pixels = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255
        rgb, _ = model.network(pixels, "src")
        return np.asarray(rgb.permute(0, 2, 3, 1).float().cpu().numpy())

    return draw
