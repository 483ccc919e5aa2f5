"""The only door by which a picture or clip leaves, so that none leaves without watermark, settings and signature."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import InputError, OutputError
from figment.core.files import write_bytes
from figment.pixels.files import SUFFIXES, Format
from figment.studio.clip_mark import ClipMark
from figment.studio.parameters import Settings, write
from figment.trust.keys import Identity
from figment.trust.labels import Provenance
from figment.trust.sign import sign_file
from figment.trust.stamp import stamp

__all__ = ["Gallery", "Saved", "format_of", "free_number"]


@dataclass(frozen=True)
class Saved:
    """A picture or clip that was written."""

    path: Path
    size: int
    """Bytes."""


class Gallery:
    """Pictures in folders by date under `root`: `outputs/2026-11-22/00001-7.png` is the first of that day, seed 7."""

    def __init__(self, root: Path = Path("outputs")) -> None:
        self.root = root

    def save(
        self,
        image: NDArray[np.uint8],
        settings: Settings | None,
        provenance: Provenance,
        *,
        path: Path | None = None,
        index: int = 0,
        format: Format = "png",
        today: date | None = None,
    ) -> Saved:
        """Write `image`, uint8 (H, W, 3), with its settings inside; None for what no model made.

        It is watermarked, and signed last of all: `provenance` says by which operation it came about and from what.

        With `path` it goes there, in the format that the ending of `path` names, and picture `index` (from 0) of one
        command gets its number into the name: `apple.png`, `apple-2.png`. Without, it gets the next free number in
        the folder of `today`; several processes may do so at once.

        Raises InputError for an ending that is no format, OutputError when the file cannot be written, PixelError
        when the format cannot hold the picture, CredentialsError when it cannot be signed. Whatever is raised, no
        part of a file stays.
        """
        if path is not None:
            content = _content(image, settings, provenance, format_of(path))
            return _written(_numbered(path, index), content)
        content = _content(image, settings, provenance, format)
        with free_number(self.root / (today or date.today()).isoformat()) as (folder, number):
            name = provenance.operation if settings is None else settings.seed
            return _written(folder / f"{number:05}-{name}.{format}", content)

    def save_clip(self, encoded: Path, mark: ClipMark | None, provenance: Provenance, path: Path) -> Saved:
        """Sign the MP4 clip `encoded`, whose frames went through `mark`, and put it at `path`; they may be the same.

        A clip that shows no picture, such as one of masks, has no mark.

        Raises CredentialsError where it cannot be signed, OutputError when it cannot be written; then what was at
        `path` stays.
        """
        facts = {"present": False, "reason": "it shows no picture"} if mark is None else mark.found(encoded)
        sign_file(encoded, path, replace(provenance, watermark=facts), Identity.ensure())
        return Saved(path, path.stat().st_size)


def format_of(path: Path) -> Format:
    """Picture format that the ending of `path` names. Raises InputError for any other ending."""
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        known = ", ".join(SUFFIXES)
        raise InputError(f"{path} does not end like a picture file; it must end in one of {known}.") from None


def _content(image: NDArray[np.uint8], settings: Settings | None, provenance: Provenance, format: Format) -> bytes:
    return stamp(image, format, "" if settings is None else write(settings), provenance)


def _written(path: Path, content: bytes) -> Saved:
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a picture file in it, such as {path / 'picture.png'}.")
    write_bytes(path, content)
    return Saved(path, len(content))


def _numbered(path: Path, index: int) -> Path:
    return path if index == 0 else path.with_stem(f"{path.stem}-{index + 1}")


@contextmanager
def free_number(folder: Path) -> Iterator[tuple[Path, int]]:
    """`folder`, made if need be, and a number that no picture in it has and that no other process takes meanwhile."""
    number = 0
    while True:
        number = max(number, _highest(folder)) + 1
        claim = folder / f".{number:05}.claim"
        if not _created(claim):
            continue  # another process writes this number just now
        try:
            if not any(folder.glob(f"{number:05}-*")):  # it may have been written between looking and claiming
                yield folder, number
                return
        finally:
            claim.unlink()


def _highest(folder: Path) -> int:
    numbers = (path.name.partition("-")[0] for path in folder.glob("[0-9]*-*"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _created(claim: Path) -> bool:
    """Whether this process was the one to create the file `claim`."""
    try:
        claim.parent.mkdir(parents=True, exist_ok=True)
        claim.touch(exist_ok=False)
    except FileExistsError:
        if not claim.parent.is_dir():
            raise OutputError(f"Cannot write into {claim.parent}: it is a file, not a folder.") from None
        return False
    except OSError as error:
        raise OutputError(f"Cannot write into {claim.parent}: {error.strerror or error}.") from error
    return True
