"""Captions of a folder of images: a .txt beside each image (kohya), or metadata.jsonl or .csv (Hugging Face
imagefolder: `file_name` and `text` in each line, paths from the folder of the metadata file).
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from figment.core.errors import DataError

__all__ = ["read_captions"]

MAX_BYTES = 64 * 2**20
"""Most bytes of a caption or metadata file."""


def read_captions(root: Path, images: Sequence[Path]) -> list[str | None]:
    """Caption of each of `images` under `root`, None for those without one; a .txt goes before metadata.

    Raises DataError for a caption or metadata file that cannot be read.
    """
    told: dict[Path, str] = {}
    for pattern, rows in (("metadata.jsonl", _json_rows), ("metadata.csv", _csv_rows)):
        for metadata in sorted(root.rglob(pattern)):
            told |= _by_image(metadata, rows(metadata))
    return [_beside(image) or told.get(image) for image in images]


def _beside(image: Path) -> str:
    path = image.with_suffix(".txt")
    return " ".join(_text(path).split()) if path.is_file() else ""


def _by_image(metadata: Path, rows: Iterable[tuple[int, Any]]) -> Iterator[tuple[Path, str]]:
    for number, row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("file_name"), str):
            raise DataError(f"{metadata}, line {number}, has no file_name; each line must name an image.")
        text = row.get("text")
        if isinstance(text, str) and text:
            yield metadata.parent / row["file_name"], text


def _json_rows(metadata: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_text(metadata).split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{metadata}, line {number}, is not JSON ({error}).") from error


def _csv_rows(metadata: Path) -> Iterator[tuple[int, Any]]:
    rows = csv.DictReader(_text(metadata).splitlines(keepends=True))
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise DataError(f"{metadata} is not a table of comma-separated values ({error}).") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is too large; at most {MAX_BYTES // 2**20} MB can be read.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
