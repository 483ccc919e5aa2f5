"""Files written beside their place, then moved: a reader sees the old file or the new one, never a half."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from figment.core.errors import OutputError

__all__ = ["write_atomically", "write_bytes"]


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path beside `path`, flush what it wrote to disk, then move it into place.

    Raises OutputError, and leaves nothing behind, when the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
    part = Path(name)
    try:
        write(part)
        part.chmod(0o644)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    write_atomically(path, lambda part: part.write_bytes(data))
