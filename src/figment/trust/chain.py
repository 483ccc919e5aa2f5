"""A file of JSON lines that only grows, each line holding the hash of the one before.

A line that was changed, removed or put in later breaks the chain, and reading says at which line. Nothing in the file
can tell that whole lines are missing from its end: for that, a hash must be kept elsewhere, as manifests do.

A crash in the middle of a write leaves a torn last line. It is void, since nobody was told that it was written; the
next write adds to it, after a record separator, a line that says so with the hash of the torn bytes. What stands in
the file is never rewritten.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figment.core.errors import DataError, OutputError
from figment.trust.locks import locked

__all__ = ["Chain", "Line"]

START = "0" * 64
"""What the first line holds as the hash of the line before."""
REPAIR = "repair"
SEPARATOR = b"\x1e"
"""Divides torn bytes from the line that mends them; JSON cannot hold it (RFC 7464 uses it to the same end)."""
LARGEST = 64 * 2**20
"""Bytes that a chain may have; more is refused before it is read."""


@dataclass(frozen=True)
class Line:
    """One line of a chain whose hash is right."""

    kind: str
    fields: Mapping[str, Any]
    hash: str
    """SHA-256 of the line without its hash, hexadecimal."""


@dataclass(frozen=True)
class _Verified:
    """What a file holds."""

    lines: tuple[Line, ...]
    torn: bytes = b""
    """What a crash left at the end."""
    ends: bool = True
    """Whether the last line ends in a line break."""


class Chain:
    """The chain in the file at `path`, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> tuple[Line, ...]:
        """Every line in the order written. Raises DataError, naming the line, when the chain is broken."""
        return _verify(self.path, _read(self.path)).lines

    def append(self, kind: str, fields: Mapping[str, Any]) -> Line:
        """Add a line and flush it to the disk. Raises DataError for a broken chain, OutputError when it cannot."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self.path.with_name(self.path.name + ".lock")):
                verified = _verify(self.path, _read(self.path))
                content, line = _continued(verified, kind, fields)
                _write(self.path, content)
        except OSError as error:
            raise OutputError(f"Cannot write {self.path}: {error.strerror or error}.") from error
        return line


def _continued(verified: _Verified, kind: str, fields: Mapping[str, Any]) -> tuple[bytes, Line]:
    """What to write after `verified` so that a line of `fields` follows, and that line."""
    previous = verified.lines[-1].hash if verified.lines else START
    content = b""
    if verified.torn:
        repair = {"torn": hashlib.sha256(verified.torn).hexdigest()}
        written, mended = _encoded(REPAIR, repair, previous)
        content, previous = SEPARATOR + written, mended.hash
    elif not verified.ends:
        content = b"\n"
    written, line = _encoded(kind, fields, previous)
    return content + written, line


def _encoded(kind: str, fields: Mapping[str, Any], previous: str) -> tuple[bytes, Line]:
    body = {"kind": kind, **fields, "previous": previous}
    digest = hashlib.sha256(_serialised(body)).hexdigest()
    return _serialised({**body, "hash": digest}) + b"\n", Line(kind, dict(fields), digest)


def _serialised(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise DataError(f"{path} is larger than {LARGEST >> 20} MB, so it is no ledger of Figment's; move it away.")
    return content


def _verify(path: Path, content: bytes) -> _Verified:
    """Follow the chain from its start. Raises DataError at the first line that does not fit and was not torn."""
    *pieces, tail = content.split(b"\n")
    lines: list[Line] = []
    for number, piece in enumerate(pieces, 1):
        line = _following(piece, lines)
        if line is None:
            raise _broken(path, number)
        lines.append(line)
    if not tail:
        return _Verified(tuple(lines))
    last = _following(tail, lines)
    if last is None:
        return _Verified(tuple(lines), torn=tail, ends=False)
    return _Verified((*lines, last), ends=False)


def _following(piece: bytes, lines: list[Line]) -> Line | None:
    """The line in `piece`, or behind torn bytes that it declares void; None when it does not follow `lines`."""
    previous = lines[-1].hash if lines else START
    torn, separator, mending = piece.rpartition(SEPARATOR)
    if not separator:
        return _parsed(piece, previous)
    line = _parsed(mending, previous)
    if line is None or line.kind != REPAIR or line.fields.get("torn") != hashlib.sha256(torn).hexdigest():
        return None
    return line


def _parsed(piece: bytes, previous: str) -> Line | None:
    """The line that `piece` holds, or None when it is not one that follows the hash `previous`."""
    try:
        body = json.loads(piece)
        as_written = _serialised(body) == piece  # otherwise a name may stand twice, which the hash would not show
        digest, kind = body.pop("hash"), body["kind"]
        fits = as_written and body["previous"] == previous and hashlib.sha256(_serialised(body)).hexdigest() == digest
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not fits or not isinstance(kind, str):
        return None
    return Line(kind, {name: value for name, value in body.items() if name not in ("kind", "previous")}, digest)


def _broken(path: Path, number: int) -> DataError:
    return DataError(
        f"{path} is broken at line {number}: it was changed after it was written, or lines before it are missing; "
        "restore the file from a copy."
    )


def _write(path: Path, content: bytes) -> None:
    """Add `content` to the end of the file, readable by its owner alone, and wait for the disk."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
