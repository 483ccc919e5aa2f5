"""What lies beside a model file: how it is triggered, for which models it was made, a picture of what it does.

AUTOMATIC1111 writes name.json, Civitai's helper name.civitai.info, StabilityMatrix name.cm-info.json; all keep a
picture as name.preview.png. These files come from strangers: what cannot be read is passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Sidecar", "read"]

MOST_BYTES = 2**20
PICTURES = (".preview.png", ".preview.jpg", ".preview.jpeg", ".preview.webp", ".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Sidecar:
    """What is known of a model file; all of it may be missing."""

    triggers: tuple[str, ...] = ()
    """Words that wake it."""
    base: str = ""
    """Models that it was made for, as its author says."""
    weight: float | None = None
    """Preferred weight of a LoRA."""
    negative: str = ""
    """What to put into the negative prompt."""
    description: str = ""
    preview: Path | None = None


def read(path: Path) -> Sidecar:
    """What the files beside `path` say; the user's own, of AUTOMATIC1111, wins over the others."""
    own, civitai, matrix = (_json(path.with_suffix(ending)) for ending in (".json", ".civitai.info", ".cm-info.json"))
    triggers = _words(own.get("activation text")) or _words(civitai.get("trainedWords"))
    weight = own.get("preferred weight")
    preview = (path.with_suffix(ending) for ending in PICTURES)
    return Sidecar(
        triggers or _words(matrix.get("TrainedWords")),
        _text(own.get("sd version")) or _text(civitai.get("baseModel")) or _text(matrix.get("BaseModel")),
        float(weight) if isinstance(weight, int | float) and 0 < abs(weight) <= 10 else None,
        _text(own.get("negative text")),
        _text(own.get("description")) or _text(civitai.get("description")) or _text(matrix.get("ModelDescription")),
        next((picture for picture in preview if picture.is_file()), None),
    )


def _json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and value != "Unknown" else ""


def _words(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else [value]
    found = (word.strip() for part in parts if isinstance(part, str) for word in part.split(","))
    return tuple(dict.fromkeys(word for word in found if word))
