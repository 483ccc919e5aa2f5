"""One of the two sides of a swap: the clip whose face is put in (src), or the clip that it is put into (dst).

A clip lies beside the folder of its side: `data_src.mp4` and `data_src/`. Where there is no clip, the pictures in the
folder are the frames, as DeepFaceLab leaves them.
"""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Literal

from figment.core.errors import InputError
from figment.faceswap.faceset import Faceset
from figment.faceswap.record import Record
from figment.pixels import clips as reading
from figment.pixels.clips import Times
from figment.pixels.files import SUFFIXES

__all__ = ["KINDS", "PICTURES_RATE", "Side"]

KINDS = ("mp4", "mov", "mkv", "webm", "avi", "gif")
"""What the names of clips end in, in any letter case; what they are is told by their content."""
PICTURES_RATE = 25
"""Frames a second of a folder of pictures, which does not say."""


class Side:
    """The clip of one side and what is made of it."""

    def __init__(self, root: Path, name: Literal["src", "dst"], record: Record) -> None:
        """The side `name` of the workspace in `root`."""
        self.root, self.name, self.record = root, name, record
        self.label = f"data_{name}"

    @property
    def folder(self) -> Path:
        """Where its pictures are, and its faces."""
        return self.root / self.label

    @property
    def faceset(self) -> Faceset:
        """The faces of its frames."""
        return Faceset(self.folder / "aligned")

    @property
    def clips(self) -> list[Path]:
        """The files that could be its clip, by their names."""
        if not self.root.is_dir():
            return []
        names = {f"{self.label}.{kind}" for kind in KINDS}
        return sorted(path for path in self.root.iterdir() if path.name.lower() in names and path.is_file())

    @property
    def clip(self) -> Path | None:
        """Its clip; None where the frames are pictures. Raises InputError where it is not clear what the frames are."""
        found = self.clips
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise InputError(f"There is more than one clip in {self.root}: {names}; leave one of them there.")
        if not found and not self.pictures:
            raise InputError(
                f"There is no clip in {self.root}; put one there as {self.label}.mp4, .{', .'.join(KINDS[1:])}."
            )
        return found[0] if found else None

    @property
    def source(self) -> Path:
        """The clip, or the folder of pictures."""
        return self.clip or self.folder

    @property
    def pictures(self) -> list[Path]:
        """The pictures in its folder by their names: its frames where there is no clip."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())

    @property
    def digest(self) -> str:
        """SHA-256 of the clip, or of the names and contents of the pictures; noted until a file changes."""
        files = [self.clip] if self.clip else self.pictures
        known = "\n".join(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)
        digest = self.record.digest(known)
        if digest is None:
            digest = _digest(files) if self.clip is None else _content(files[0])
            self.record.note_digest(known, digest)
        return digest

    @property
    def times(self) -> Times:
        """When its frames are shown; the first time the whole clip is read for it. Raises PixelError."""
        if self.clip is None:
            count = len(self.pictures)
            return Times(tuple(range(count)), Fraction(1, PICTURES_RATE), count, tuple(range(count)))
        times = self.record.times(self.digest)
        if times is None:
            times = reading.times(self.clip)
            self.record.note_times(self.digest, times)
        return times

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.times.ticks)


def _digest(files: list[Path]) -> str:
    return hashlib.sha256("".join(f"{path.name} {_content(path)}\n" for path in files).encode()).hexdigest()


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
