"""The secret key of this installation's watermark: 32 random bytes in a file that its owner alone can read."""

import os
import secrets
import tempfile
from pathlib import Path

from figment.core.errors import InputError, OutputError
from figment.trust.home import figment_home

__all__ = ["secret_key"]

_NAME = "watermark.key"
_BYTES = 32


def secret_key(folder: Path | None = None) -> bytes:
    """The key in `folder`, by default that of this installation; made when there is none.

    Raises OutputError when it cannot be made or read, InputError when what is there is no key.
    """
    path = (folder or figment_home()) / _NAME
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise OutputError(f"The watermark key {path} cannot be read or made: {error.strerror or error}.") from error
    if len(key) != _BYTES:
        raise InputError(f"{path} holds {len(key)} bytes, a key has {_BYTES}; restore it, or remove it for a new one.")
    return key


def _make(path: Path) -> None:
    """Write beside its place, then link: of two processes that start at once one key stays, and both use it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{_NAME}.", dir=path.parent)  # readable by its owner alone
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(part)
    except FileExistsError:
        return
    finally:
        part.unlink()
