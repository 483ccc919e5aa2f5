"""Files written beside their place, then moved: a reader sees the old file or the new one, never a half."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from figment.core.errors import OutputError

__all__ = ["beside", "write_atomically", "write_bytes"]


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there is flushed to disk and put in place when the block ends.

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
        yield part
        part.chmod(0o644)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path `beside` `path`, which is moved into place when it returns."""
    with beside(path) as part:
        write(part)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    write_atomically(path, lambda part: part.write_bytes(data))
