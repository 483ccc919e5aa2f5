"""Consent at the gate of a swap: no face is learnt or put anywhere without a record that allows it.

The user names a record for the face of each clip. What was named is kept in the workspace together with the digests of
the clips, so that it holds for these clips alone. `allowed` stands before training, before merging and before every
file that leaves; nothing passes it by.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import DataError
from figment.core.files import write_bytes
from figment.faceswap.models import embedders
from figment.faceswap.one_person import embedded, middle, strangers
from figment.faceswap.side import Side
from figment.faceswap.workspace import Workspace
from figment.trust.consent import ConsentError, Record, Scope
from figment.trust.ledger import Ledger, Output

__all__ = ["DECLARED", "Grants", "allowed", "declare", "note_output"]

DECLARED = "consent.json"
"""File of a workspace that says which records were named for its clips."""
SIDES = ("src", "dst")
STRAYS = {"src": 0.0, "dst": 0.02}
"""Share of the faces of each side that may seem to be another's. In the target some may: blurred or turned away, they
have to be covered all the same."""
NAMED = 8
"""Frames that a sentence names at most."""


@dataclass(frozen=True)
class Grants:
    """The records that allow the faces of a workspace to be used."""

    src: Record
    """For the face that is put in."""
    dst: Record
    """For the face that it is put over."""

    @property
    def records(self) -> tuple[Record, ...]:
        """Both, or the one that stands for both."""
        return (self.src,) if self.src == self.dst else (self.src, self.dst)

    @property
    def sha256(self) -> str:
        """What credentials hold: the hash of the record, or of the hashes of both, the source's first, in two lines."""
        if len(self.records) == 1:
            return self.src.record_hash
        return hashlib.sha256(f"{self.src.record_hash}\n{self.dst.record_hash}\n".encode()).hexdigest()


def declare(workspace: Workspace, src: str, dst: str, *, ledger: Ledger | None = None) -> None:
    """Keep in `workspace` that the faces of its clips are those of the records `src` and `dst`: hash, start or alias.

    Raises ConsentError where there is no such record that allows any use today.
    """
    ledger = ledger or Ledger()
    said = {}
    for name, given in zip(SIDES, (src, dst), strict=True):
        record = _usable(ledger, given, workspace.side(name))
        said[name] = {"record": record.record_hash, "clip": workspace.side(name).digest}
    write_bytes(workspace.root / DECLARED, (json.dumps(said, indent=2) + "\n").encode())


def allowed(workspace: Workspace, scope: Scope, *, ledger: Ledger | None = None) -> Grants:
    """The records that allow `scope` today for both faces of `workspace`.

    Raises ConsentError where none was named, for these clips, or one of them does not allow it, or where faces of a
    side are not all one person's. Where a record was withdrawn, what was made under it is told.
    """
    ledger = ledger or Ledger()
    said = _declared(workspace)
    src, dst = (_required(ledger, said[name], scope, workspace.side(name)) for name in SIDES)
    middles = [_check_one_person(workspace.side(name)) for name in SIDES]
    if src == dst:
        _check_same_person(src, *middles)
    return Grants(src, dst)


def note_output(grants: Grants, path: Path, *, ledger: Ledger | None = None) -> Output:
    """Note in the ledger that the file at `path` was made under `grants`."""
    return (ledger or Ledger()).note_output(path, grants.records)


def _declared(workspace: Workspace) -> dict[str, str]:
    """Hash of the record of each side. Raises ConsentError where none was named for the clips that are there."""
    path = workspace.root / DECLARED
    how = "name one with --src-consent and one with --dst-consent; `figment consent add` records them"
    if not path.is_file():
        raise ConsentError(f"No consent is named for the faces of {workspace.root}; {how}.")
    try:
        said = json.loads(path.read_bytes())
        found = {name: (str(said[name]["record"]), str(said[name]["clip"])) for name in SIDES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); {how} again.") from error
    for name, (_, digest) in found.items():
        if workspace.side(name).digest != digest:
            raise ConsentError(
                f"The clip {workspace.side(name).source} is not the one that consent was named for; {how}."
            )
    return {name: record for name, (record, _) in found.items()}


def _usable(ledger: Ledger, name: str, side: Side) -> Record:
    """The newest record of `name` that allows most today."""
    today = datetime.now(UTC).date()
    allows = {record: sum(record.obstacle(today, scope) is None for scope in Scope) for record in ledger.show(name)}
    best = max(reversed(allows), key=allows.__getitem__)
    return best if allows[best] else _required(ledger, best.record_hash, Scope.SWAP, side)


def _required(ledger: Ledger, name: str, scope: Scope, side: Side) -> Record:
    try:
        return ledger.require(name, scope)
    except ConsentError as error:
        made = [output.path for record in ledger.records() for output in ledger.outputs(record) if _is(record, name)]
        withdrawn = any(record.withdrawn for record in ledger.records() if _is(record, name))
        if not (made and withdrawn):
            raise ConsentError(f"The face of {side.label} may not be used. {error}") from None
        named = ", ".join(made)
        raise ConsentError(f"The face of {side.label} may not be used. {error} Made under it: {named}.") from None


def _is(record: Record, name: str) -> bool:
    return record.record_hash.startswith(name) or record.consent.alias == name


def _check_one_person(side: Side) -> NDArray[np.float32]:
    """The middle of the faces of `side`. Raises ConsentError where they are not all one person's."""
    faces = side.faceset.faces()
    if not faces:
        raise ConsentError(f"There are no faces of {side.label} yet; extract them first.")
    directions, same = embedded(side.faceset, faces), embedders.find(embedders.DEFAULT).SAME
    others = strangers(directions, same)
    if len(others) > STRAYS[side.name] * len(faces):
        frames = sorted({faces[number].frame for number in others})
        named = ", ".join(map(str, frames[:NAMED])) + (" and others" if len(frames) > NAMED else "")
        raise ConsentError(
            f"{len(others)} of {len(faces)} faces of {side.label} seem to be another person's, in the frames {named}; "
            "one record allows one person's face: leave them out, or extract the right person."
        )
    return middle(directions, same)


def _check_same_person(
    record: Record,
    src: NDArray[np.float32],
    dst: NDArray[np.float32],
) -> None:
    if float(src @ dst) < embedders.find(embedders.DEFAULT).SAME:
        raise ConsentError(
            f"The consent of '{record.consent.alias}' is named for two people's faces; each needs a record of its own."
        )
