"""Hashes of model files, worked out once for each file and kept until its size or time changes."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from figment.core.errors import OutputError
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
    status = path.stat()
    key = f"{part}:{path.resolve()}"
    seen = [status.st_size, status.st_mtime_ns]
    ledger = cache_home() / "fingerprints.json"
    known = _read(ledger).get(key)
    if known and known[:2] == seen:
        return str(known[2])
    found = _of_folder(path) if path.is_dir() else _hashed(path, part)
    # Another process may have written meanwhile: what it knows is kept. The hash is right even if it cannot be kept.
    with suppress(OutputError):
        write_bytes(ledger, json.dumps(_read(ledger) | {key: [*seen, found]}, ensure_ascii=False).encode())
    return found


def _read(ledger: Path) -> dict[str, list[Any]]:
    try:
        known = json.loads(ledger.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _hashed(path: Path, part: str) -> str:
    with path.open("rb") as file:
        if part == "tensors" and path.suffix.lower() == ".safetensors":
            file.seek(8 + int.from_bytes(file.read(8), "little"))
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_folder(path: Path) -> str:
    parts = sorted(path.rglob("*.safetensors"))
    return hashlib.sha256("".join(_hashed(part, "whole") for part in parts).encode()).hexdigest()
