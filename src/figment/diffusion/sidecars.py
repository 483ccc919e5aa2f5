"""What lies beside a model file: how it is triggered, for which models it was made, a picture of what it does.

AUTOMATIC1111 writes name.json, Civitai's helper name.civitai.info, StabilityMatrix name.cm-info.json; all keep a
picture as name.preview.png. These files come from strangers: what cannot be read is passed over, with a note.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

__all__ = ["Sidecar", "read"]

MOST_BYTES = 2**20
PICTURES = (".preview.png", ".preview.jpg", ".preview.jpeg", ".preview.webp", ".png", ".jpg", ".jpeg", ".webp")
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Sidecar:
    """What is known of a model file; all of it may be missing."""

    trigger_words: tuple[str, ...] = ()
    """Words that wake it."""
    base: str = ""
    """Models that it was made for, as its author says."""
    weight: float | None = None
    """Preferred weight of a LoRA."""
    negative: str = ""
    """What to put into the negative prompt."""
    preview: Path | None = None
    description: str = ""
    """Without the tags that Civitai puts in; still a stranger's words, to be escaped where they are shown."""
    notes: str = ""
    """What the user wrote down."""
    passed_over: tuple[str, ...] = ()
    """A sentence for each file that could not be read."""


def read(path: Path) -> Sidecar:
    """What the files beside `path` say; the user's own, of AUTOMATIC1111, wins over the others. Raises nothing."""
    passed_over: list[str] = []
    own, civitai, matrix = (
        _json(path.with_suffix(ending), passed_over) for ending in (".json", ".civitai.info", ".cm-info.json")
    )
    told = own.get("description"), civitai.get("description"), matrix.get("ModelDescription")
    return Sidecar(
        trigger_words=_words(own.get("activation text"), civitai.get("trainedWords"), matrix.get("TrainedWords")),
        base=_text(own.get("sd version"), civitai.get("baseModel"), matrix.get("BaseModel")),
        weight=_weight(own.get("preferred weight")),
        negative=_text(own.get("negative text")),
        preview=_picture(path),
        description=unescape(_TAG.sub("", _text(*told))).strip(),
        notes=_text(own.get("notes")),
        passed_over=tuple(passed_over),
    )


def _json(path: Path, passed_over: list[str]) -> Mapping[str, Any]:
    """The object in the file at `path`; empty where there is none, with a line to `passed_over` if it is unfit."""
    try:
        if not path.is_file():
            return {}
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        passed_over.append(f"{path} was passed over: {str(error)[:200]}.")
        return {}
    return found


def _picture(path: Path) -> Path | None:
    try:
        return next((picture for ending in PICTURES if (picture := path.with_suffix(ending)).is_file()), None)
    except OSError:
        return None


def _weight(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < abs(value) <= 10 else None


def _text(*values: object) -> str:
    """The first of `values` that says something."""
    for value in values:
        if isinstance(value, str) and value != "Unknown" and (text := _plain(value)):
            return text
    return ""


def _words(*values: object) -> tuple[str, ...]:
    """The words of the first of `values` that has any: text with commas, or a list of such."""
    for value in values:
        parts = value if isinstance(value, list) else [value]
        found = (_plain(word) for part in parts if isinstance(part, str) for word in part.split(","))
        if words := tuple(dict.fromkeys(word for word in found if word)):
            return words
    return ()


def _plain(text: str) -> str:
    """Text of characters that can be written."""
    return text.encode("utf-8", "replace").decode().strip()
