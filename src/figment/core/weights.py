"""Model files of unknown origin: what they are, whether they are whole, and their tensors, without running their code.

Safetensors files are read only after their header holds together. Pickled checkpoints (.ckpt, .pt, .pth) are turned
into safetensors by a child process; see `figment.core.pickles`.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open
from torch import Tensor

from figment.core.errors import CheckpointError

__all__ = ["Entry", "Kind", "check", "identify", "load"]

MAX_HEADER = 8 * 2**20
"""Bytes of a header; the largest models in use need under 1 MB."""
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16

# Bytes of an element, by the names of the safetensors format.
_SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}


class Kind(Enum):
    """How a model file is written."""

    SAFETENSORS = "safetensors"
    ZIPPED_PICKLE = "zipped pickle"
    """What torch.save has written since PyTorch 1.6."""
    PICKLE = "pickle"
    """What it wrote before."""


@dataclass(frozen=True)
class Entry:
    """A tensor that a header names."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    """First byte, counted from the end of the header."""
    end: int


def identify(path: Path) -> Kind:
    """How the model file at `path` is written. Raises CheckpointError for what is no model file, saying what it is."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except FileNotFoundError:
        raise CheckpointError(f"There is no model file {path}.") from None
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror}.") from error
    if start.startswith(b"PK\x03\x04"):
        return Kind.ZIPPED_PICKLE
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return Kind.PICKLE
    if start[8:9] == b"{":
        return Kind.SAFETENSORS
    raise CheckpointError(f"{path} {_mistaken(start)}.")


def check(path: Path) -> dict[str, Entry]:
    """The tensors that the safetensors file at `path` holds, none of them read yet.

    Raises CheckpointError where the header lies: tensors that overlap, leave gaps, do not have the size of their shape
    or lie outside the file; and for headers beyond the bounds of this module.
    """
    if identify(path) is not Kind.SAFETENSORS:
        raise CheckpointError(f"{path} is a pickled checkpoint, not safetensors; convert it first.")
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        header, size = _read_header(path, file, length)
    if len(header) > MAX_TENSORS:
        raise CheckpointError(f"{path} names {len(header):,} tensors; at most {MAX_TENSORS:,} can be read.")
    entries = {name: _entry(path, name, value) for name, value in header.items()}
    _check_layout(path, entries, length - size)
    return entries


def load(path: Path) -> dict[str, Tensor]:
    """Tensors of the safetensors file at `path`, on the CPU. Raises CheckpointError."""
    names = check(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); copy it again.") from error


def _mistaken(start: bytes) -> str:
    """What a file that begins with `start` is, when it is no model file."""
    text = start.lstrip().lower()
    if not start:
        return "is empty; copy it again"
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not a model; download the file itself, perhaps after logging in"
    if text.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the model it stands for; run `git lfs pull`"
    return "is neither safetensors nor a PyTorch checkpoint, or its start is damaged"


def _read_header(path: Path, file: BinaryIO, length: int) -> tuple[dict[str, Any], int]:
    """Tensors by name as the header describes them, and the place where their bytes begin."""
    size = int.from_bytes(file.read(8), "little")
    if size > length - 8:
        raise CheckpointError(f"{path} is cut off: its header is longer than the file; copy it again.")
    if size > MAX_HEADER:
        raise CheckpointError(f"{path} has a header of {size:,} bytes; at most {MAX_HEADER:,} can be read.")
    try:
        header = json.loads(file.read(size), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has a damaged header ({error}); copy it again.") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path} has a damaged header: it is no JSON object.")
    header.pop("__metadata__", None)
    return header, 8 + size


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a name stands twice")
    return unique


def _entry(path: Path, name: str, value: Any) -> Entry:
    try:
        dtype, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
        numbers = [*shape, begin, end]
        if not all(type(number) is int and 0 <= number < 2**63 for number in numbers) or len(shape) > MAX_DIMENSIONS:
            raise ValueError("its shape or its place is impossible")
        if end - begin != math.prod(shape) * _SIZES[dtype]:
            raise ValueError(f"{begin} to {end} is not the size of {shape} as {dtype}")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} has a damaged header: tensor {name[:80]!a} ({error}); copy it again.") from error
    return Entry(dtype, tuple(shape), begin, end)


def _check_layout(path: Path, entries: Mapping[str, Entry], room: int) -> None:
    """Tensors must follow each other without gap or overlap, and fill the `room` bytes after the header."""
    place = 0
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != place:
            raise CheckpointError(f"{path} has a damaged header: its tensors overlap or leave gaps; copy it again.")
        place = entry.end
    if place > room:
        raise CheckpointError(f"{path} is cut off: {place - room:,} bytes are missing; copy it again.")
    if place < room:
        raise CheckpointError(f"{path} has {room - place:,} bytes that belong to no tensor; copy it again.")
