"""A workspace: the folder of one swap, with two clips in it and all that is made of them.

data_src.mp4  data_dst.mp4      the clips, of any kind that `side.KINDS` names; never changed
data_src/  data_dst/            frames, where they are wanted as pictures; in `aligned` the faces
data_dst/merged/                frames with the face put in
model/                          the network that learns to swap
result.mp4  result_mask.mp4     what comes out
workspace.sqlite                how far each step is
bin/                            what was cleared away, by the time when
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any, Literal

from figment.core.errors import InputError, OutputError
from figment.faceswap.record import Entry, Record
from figment.faceswap.side import Side

__all__ = ["RECORD", "State", "Step", "Workspace"]

RECORD = "workspace.sqlite"


class Step(StrEnum):
    """The steps of a swap, in their order."""

    CLEAR = "clear"
    FRAMES_SRC = "frames src"
    FRAMES_DST = "frames dst"
    EXTRACT_SRC = "extract src"
    SORT_SRC = "sort src"
    PACK_SRC = "pack src"
    EXTRACT_DST = "extract dst"
    SORT_DST = "sort dst"
    PACK_DST = "pack dst"
    TRAIN = "train"
    MERGE = "merge"
    VIDEO = "video"


_FROM: dict[Step, tuple[str, ...]] = {
    Step.CLEAR: (),
    Step.FRAMES_SRC: ("src",),
    Step.FRAMES_DST: ("dst",),
    Step.EXTRACT_SRC: ("src",),
    Step.SORT_SRC: (Step.EXTRACT_SRC,),
    Step.PACK_SRC: (Step.EXTRACT_SRC, Step.SORT_SRC),
    Step.EXTRACT_DST: ("dst",),
    Step.SORT_DST: (Step.EXTRACT_DST,),
    Step.PACK_DST: (Step.EXTRACT_DST, Step.SORT_DST),
    Step.TRAIN: (Step.EXTRACT_SRC, Step.SORT_SRC, Step.EXTRACT_DST, Step.SORT_DST),
    Step.MERGE: ("dst", Step.EXTRACT_DST, Step.TRAIN),
    Step.VIDEO: ("dst", Step.MERGE),
}
"""The clips and the steps that each step works on."""


@dataclass(frozen=True)
class State:
    """How far a step is."""

    step: Step
    state: Literal["none", "begun", "done"]
    stale: tuple[str, ...]
    """What it was made from and has changed since, or is stale itself: "src", "dst" for the clips, or steps."""
    settings: Mapping[str, Any]
    figures: Mapping[str, Any]
    """What came out, such as how many faces."""


class Workspace:
    """The workspace in the folder `root`, which need not be there yet."""

    def __init__(self, root: Path) -> None:
        """Bind to `root`. Raises InputError where it is a file."""
        if root.exists() and not root.is_dir():
            raise InputError(f"{root} is a file; a workspace is a folder.")
        self.root = root
        self.record = Record(root / RECORD)
        self.src, self.dst = Side(root, "src", self.record), Side(root, "dst", self.record)
        self.model, self.merged, self.bin = root / "model", self.dst.folder / "merged", root / "bin"
        self.result, self.result_mask = root / "result.mp4", root / "result_mask.mp4"

    def side(self, name: str) -> Side:
        """The side called `name`, src or dst."""
        if name not in ("src", "dst"):
            raise InputError(f"No side '{name}'; there are src and dst.")
        return self.src if name == "src" else self.dst

    def begin(self, step: Step, settings: Mapping[str, Any], outdated: Iterable[Path] = ()) -> bool:
        """Note that `step` is begun with `settings`, plain JSON values; whether it goes on with what it had made.

        It does so where it was begun or done before, with the same settings and of the same clips and steps. Otherwise
        the files and folders `outdated` that are there are moved into the bin first.
        """
        before, inputs, plain = self.record.entry(step), self._inputs(step, strict=True), _plain(settings)
        same = before.state != "none" and before.inputs == inputs and before.settings == plain
        if not same:
            self.put_away(outdated)
        self.record.enter(step, Entry("begun", inputs, plain, before.figures if same else {}))
        return same

    def note(self, step: Step, figures: Mapping[str, Any]) -> None:
        """Note how far `step`, which is begun, has come, plain JSON values."""
        self.record.enter(step, replace(self.record.entry(step), figures=_plain(figures)))

    def finish(self, step: Step, figures: Mapping[str, Any]) -> None:
        """Note that `step` is done, and what came out, plain JSON values."""
        self.record.enter(step, replace(self.record.entry(step), state="done", figures=_plain(figures)))

    def state(self, step: Step) -> State:
        """How far `step` is, and whether what it was made from has changed since."""
        entry, inputs = self.record.entry(step), self._inputs(step, strict=False)
        changed = [name for name, digest in entry.inputs.items() if inputs.get(name) != digest or self._stale(name)]
        return State(step, entry.state, tuple(changed), entry.settings, entry.figures)

    def status(self) -> list[State]:
        """All steps in their order."""
        return [self.state(step) for step in Step]

    def clear(self) -> Path:
        """Move everything but the clips into a folder of the bin, which is returned; nothing is deleted.

        Pictures that are the frames of a side stay too.
        """
        bin = self._new_bin()
        self.record.clear(bin / RECORD)
        kept = {*self.src.clips, *self.dst.clips, self.bin, *_files_of(self.record.file)}
        for side in (self.src, self.dst):
            pictures = [] if side.clips else side.pictures
            if pictures:
                kept.add(side.folder)
                self._move(set(side.folder.iterdir()).difference(pictures), bin)
        self._move(set(self.root.iterdir()) - kept, bin)
        return bin

    def put_away(self, paths: Iterable[Path]) -> None:
        """Move those of `paths`, files and folders in the workspace, that are there into a folder of the bin."""
        there = [path for path in paths if path.exists()]
        if there:
            self._move(there, self._new_bin())

    def _move(self, paths: Iterable[Path], bin: Path) -> None:
        try:
            for path in sorted(paths):
                target = bin / path.relative_to(self.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
        except OSError as error:
            raise OutputError(f"Cannot move files of {self.root} into {bin}: {error.strerror or error}.") from error

    def _new_bin(self) -> Path:
        name = datetime.now(UTC).strftime("%Y-%m-%d %H.%M.%S")
        paths = (self.bin / (name if number == 1 else f"{name} ({number})") for number in count(1))
        bin = next(path for path in paths if not path.exists())
        try:
            bin.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"Cannot make the folder {bin}: {error.strerror or error}.") from error
        return bin

    def _stale(self, name: str) -> bool:
        return name not in ("src", "dst") and bool(self.state(Step(name)).stale)

    def _inputs(self, step: Step, strict: bool) -> dict[str, str]:
        """Digest of each input of `step`; where not `strict`, empty for a clip that is not there."""
        return {str(name): self._digest(name, strict) for name in _FROM[step]}

    def _digest(self, name: str, strict: bool) -> str:
        if name in ("src", "dst"):
            side = self.side(name)
            return side.digest if strict or side.clips or side.pictures else ""
        entry = self.record.entry(name)
        if entry.state == "none":
            return ""
        said = [entry.inputs, entry.settings, entry.figures]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values)))
    return plain


def _files_of(record: Path) -> list[Path]:
    return [record.with_name(record.name + ending) for ending in ("", "-wal", "-shm")]
