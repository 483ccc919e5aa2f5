"""One frame of a clip as it will be merged, to be looked at before the whole clip is.

What is set for frames is kept in the session that the merge goes on with, and so is the frame that was made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from figment.core.config import from_dict, to_dict
from figment.core.errors import InputError
from figment.core.task import Progress, Task
from figment.faceswap.faceset import INDEX
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merge.preview import shown
from figment.faceswap.merge.session import Session
from figment.faceswap.merging import Merging
from figment.faceswap.trained import network_file, trained
from figment.faceswap.workspace import Workspace
from figment.studio.gallery import Gallery
from figment.studio.swap import permitted
from figment.studio.swap_consent import Grants, note_output
from figment.studio.swap_result import merging_of
from figment.trust.consent import Scope
from figment.trust.labels import Operation, Provenance, SourceType
from figment.trust.ledger import Ledger

__all__ = ["PICTURE", "Change", "Look", "looked_at"]

PICTURE = "merge_frame.jpg"
"""Picture in a workspace of the frame that was looked at last."""
FULL = 100
"""Percent at which it is drawn."""
Change = tuple[int, int, Mapping[str, Any]]
"""Numbers of the first and the last frame that are changed, and settings that stand in the place of theirs."""


@dataclass(frozen=True)
class Look:
    """A frame that was looked at."""

    frame: int
    count: int
    """How many frames the clip has."""
    settings: MergeSettings
    picture: Path


def looked_at(
    workspace: Workspace, number: int | None, changes: Iterable[Change] = (), *, checkers: bool = False
) -> Task[Look]:
    """Keep `changes` of settings, and draw frame `number`, or the one looked at last, with those that it has then.

    With `checkers` all but the swapped face lies under a checkerboard. The picture is labelled, marked and signed.
    Raises ConsentError or SensitiveError where the faces may not be used so, InputError where nothing was trained, for
    a frame that there is not and for settings that are unknown.
    """
    grants = yield from permitted(workspace, Scope.SWAP)
    yield Progress(0, 1, "merging a frame")
    merging = _merging(workspace)
    session = merging.session
    _keep(session, changes)
    number = session.shown if number is None else number
    _check_within(number, session)
    session.shown = number
    picture = shown(merging.frame(number), FULL, checkers, merging.finish)
    path = Gallery().save(picture, None, _about(merging, grants), path=workspace.root / PICTURE).path
    _note_once(grants, path)
    return Look(number, session.frames, session.settings()[number], path)


def _merging(workspace: Workspace) -> Merging:
    """The merge, with what was drawn for the frames around the last one, and with what is set by now."""
    side = workspace.dst
    files = (network_file(workspace), side.faceset.folder / INDEX)
    changed = tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)
    merging = _opened(workspace.root.absolute(), side.digest, changed)
    merging.session = Session(workspace.merged, side.digest, side.count, workspace.put_away)
    return merging


@lru_cache(maxsize=1)
def _opened(root: Path, _clip: str, _changed: tuple[int, ...]) -> Merging:
    """The merge of the workspace in `root`, as long as clip, network and faces are the same."""
    workspace = Workspace(root)
    return merging_of(workspace, trained(workspace))


def _keep(session: Session, changes: Iterable[Change]) -> None:
    each = list(session.settings())
    for first, last, values in changes:
        _check_within(first, session)
        _check_within(last, session)
        there = each[first : last + 1]
        changed = {one: from_dict(MergeSettings, {**to_dict(one), **values}) for one in set(there)}
        each[first : last + 1] = [changed[one] for one in there]
    session.keep(each)


def _check_within(number: int, session: Session) -> None:
    if not 0 <= number < session.frames:
        raise InputError(f"There is no frame {number}; the clip has the frames 0 to {session.frames - 1}.")


def _about(merging: Merging, grants: Grants) -> Provenance:
    return Provenance(
        Operation.COMPOSE,
        SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
        model="face swap",
        model_sha256=merging.swapper.digest,
        consent_sha256=grants.sha256,
    )


def _note_once(grants: Grants, path: Path) -> None:
    """Note in the ledger where pictures of frames are, not each of those that take its place."""
    place, ledger = str(path.absolute()), Ledger()
    if not all(any(made.path == place for made in ledger.outputs(record)) for record in grants.records):
        note_output(grants, path, ledger=ledger)
