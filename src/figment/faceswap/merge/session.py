"""What a merge keeps: the settings of each frame, where its user was, and the frames that are merged.

`merge.sqlite` in the folder of merged frames is the truth. A frame's picture and mask are written before the entry that
says what they were made from, each whole or not at all: after a crash no entry speaks of a picture that is another.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from figment.core.config import from_dict, to_dict
from figment.core.errors import DataError
from figment.faceswap.merge import preview
from figment.faceswap.merge.blend import Merged
from figment.faceswap.merge.settings import MergeSettings
from figment.pixels import files

__all__ = ["INDEX", "Session"]

INDEX = "merge.sqlite"
_FRESH = MergeSettings()
_TABLES = """
CREATE TABLE IF NOT EXISTS clip (only INTEGER PRIMARY KEY CHECK (only = 0), digest TEXT, frames INTEGER, shown INTEGER);
CREATE TABLE IF NOT EXISTS settings (frame INTEGER PRIMARY KEY, "values" TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS made (frame INTEGER PRIMARY KEY, "from" TEXT NOT NULL);
"""


class Session:
    """The merge of one clip."""

    def __init__(self, folder: Path, clip: str, frames: int, put_away: Callable[[Iterable[Path]], None]) -> None:
        """Go on in `folder` with the clip of digest `clip` that has `frames` frames.

        What is there of another clip or another program is first handed to `put_away`, which moves it elsewhere.
        """
        self.folder, self.frames = folder, frames
        self.masks = folder.with_name(f"{folder.name}_mask")
        if self._clip() != (clip, frames):
            put_away([folder, self.masks])
            with self._index() as index:
                index.execute("INSERT INTO clip VALUES (0, ?, ?, 0)", (clip, frames))
        self._settings = self._kept()

    def settings(self) -> tuple[MergeSettings, ...]:
        """Of each frame; those that nothing was kept for have what a fresh project starts with."""
        return self._settings

    def keep(self, settings: Sequence[MergeSettings]) -> None:
        """Keep the `settings` of all frames; after a crash all of them are kept, or none."""
        pairs = enumerate(zip(settings, self._settings, strict=True))
        changed = [(frame, one) for frame, (one, before) in pairs if one is not before and one != before]
        texts = {one: json.dumps(to_dict(one)) for one in {one for _, one in changed}}
        with self._index() as index:
            rows = ((frame, texts[one]) for frame, one in changed)
            index.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", rows)
        self._settings = tuple(settings)

    @property
    def shown(self) -> int:
        """Number of the frame that was looked at last."""
        with self._index() as index:
            return int(index.execute("SELECT shown FROM clip").fetchone()[0])

    @shown.setter
    def shown(self, frame: int) -> None:
        with self._index() as index:
            index.execute("UPDATE clip SET shown = ?", (frame,))

    def made(self) -> dict[int, str]:
        """What each frame that is merged was made from, as `note` was told."""
        with self._index() as index:
            return dict(index.execute('SELECT frame, "from" FROM made'))

    def write(self, frame: int, merged: Merged) -> None:
        """Write the picture and the mask of `frame`, after `forget` and before `note`; threads may write at once."""
        preview.write(self.mask_file(frame), merged.mask)
        preview.write(self.file(frame), merged.frame)

    def forget(self, frames: Iterable[int]) -> None:
        """Say no more what `frames` were made from, since they are written anew."""
        with self._index() as index:
            index.executemany("DELETE FROM made WHERE frame = ?", ((frame,) for frame in frames))

    def note(self, made: Mapping[int, str]) -> None:
        """Say what frames that are written were made from."""
        with self._index() as index:
            index.executemany("INSERT OR REPLACE INTO made VALUES (?, ?)", made.items())

    def load(self, frame: int) -> Merged:
        """The merged `frame` that is kept."""
        return Merged(files.load(self.file(frame)), files.load(self.mask_file(frame), "L"))

    def file(self, frame: int) -> Path:
        """Picture of the merged `frame`; they count from 1 in their names, as DeepFaceLab's do."""
        return self.folder / f"{frame + 1:05d}.png"

    def mask_file(self, frame: int) -> Path:
        """Picture of where `frame` shows a swapped face."""
        return self.masks / self.file(frame).name

    def _kept(self) -> tuple[MergeSettings, ...]:
        """Of each frame, as the index says."""
        with self._index() as index:
            rows = index.execute('SELECT frame, "values" FROM settings').fetchall()
        known = {values: from_dict(MergeSettings, json.loads(values)) for values in {values for _, values in rows}}
        kept = {frame: known[values] for frame, values in rows}
        return tuple(kept.get(frame, _FRESH) for frame in range(self.frames))

    def _clip(self) -> tuple[str, int] | None:
        """Digest and number of frames of the clip that the folder is of, None where that is not known."""
        if not (self.folder / INDEX).is_file():
            return None
        with self._index() as index:
            found: tuple[str, int] | None = index.execute("SELECT digest, frames FROM clip").fetchone()
            return found

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """The index, whose changes are kept when the block ends well. Each use opens it, so that threads may share."""
        path = self.folder / INDEX
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=30)) as index, index:
                index.executescript(_TABLES)
                yield index
        except (sqlite3.Error, OSError, ValueError) as error:
            raise DataError(f"The session {path} cannot be used ({error}); move it away to start afresh.") from error
