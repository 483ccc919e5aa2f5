"""Hashes of model files, worked out once for each file and kept until its size or time changes."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from figment.core.errors import CheckpointError, OutputError
from figment.core.files import write_bytes

__all__ = ["cache_home", "fingerprint", "tensors_fingerprint"]


def cache_home() -> Path:
    """The folder of what can be made again: $FIGMENT_CACHE, or figment in the user's cache folder."""
    chosen = os.environ.get("FIGMENT_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "figment"


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of a folder's parts; AUTOMATIC1111 calls models by its first ten hexadecimal digits."""
    return _remembered(path, "whole")


def tensors_fingerprint(path: Path) -> str:
    """SHA-256 of a safetensors file without its header, by which LoRAs are known (kohya-ss, "AutoV3")."""
    return _remembered(path, "tensors")


def _remembered(path: Path, part: str) -> str:
    seen = _seen(path)
    key = f"{part}:{path.resolve()}"
    ledger = cache_home() / "fingerprints.json"
    known = _read(ledger).get(key)
    if isinstance(known, list) and known[:-1] == seen:
        return str(known[-1])
    found = _of_folder(path) if path.is_dir() else _hashed(path, part)
    # Another process may have written meanwhile: what it knows is kept. The hash is right even if it cannot be kept.
    with suppress(OutputError):
        write_bytes(ledger, json.dumps(_read(ledger) | {key: [*seen, found]}, ensure_ascii=False).encode())
    return found


def _seen(path: Path) -> list[int]:
    """Size and time by which it is known whether `path` has changed. Raises CheckpointError."""
    try:
        files = _parts(path) if path.is_dir() else [path]
        states = [file.stat() for file in files]
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror}.") from error
    return [sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)]


def _read(ledger: Path) -> dict[str, Any]:
    try:
        known = json.loads(ledger.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _hashed(path: Path, part: str) -> str:
    with path.open("rb") as file:
        if part == "tensors" and path.suffix.lower() == ".safetensors":
            length = int.from_bytes(file.read(8), "little")
            file.seek(min(8 + length, path.stat().st_size))
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_folder(path: Path) -> str:
    return hashlib.sha256("".join(_hashed(part, "whole") for part in _parts(path)).encode()).hexdigest()


def _parts(path: Path) -> list[Path]:
    return sorted(path.rglob("*.safetensors"))
