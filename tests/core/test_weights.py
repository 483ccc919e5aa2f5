"""Model files of unknown origin: headers that lie, and files that are no models."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from figment.core.errors import CheckpointError
from figment.core.weights import Kind, check, identify, load


def written(path: Path, header: Any, data: bytes = b"", size: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if size is None else size) + text + data)
    return path


def tensor(begin: int, end: int, shape: Any = None, dtype: str = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    tensors = {
        "w": torch.arange(6.0).reshape(2, 3),
        "n": torch.tensor(7, dtype=torch.int64),
        "h": torch.ones(5, dtype=torch.bfloat16),
        "none": torch.zeros(0, 3),
        "yes": torch.tensor([True]),
    }
    save_file(tensors, tmp_path / "m", {"made": "here"})
    entries = check(tmp_path / "m")
    assert (entries["w"].dtype, entries["w"].shape, entries["w"].end - entries["w"].begin) == ("F32", (2, 3), 24)
    loaded = load(tmp_path / "m")
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


LIES: dict[str, tuple[tuple[Any, ...], str]] = {
    "longer than the file": ((b"{}", b"", 3), "cut off: its header is longer"),
    "longest of all": ((b"{}", b"", 2**64 - 1), "cut off: its header is longer"),
    "too long": ((b"{" + b" " * 2**23 + b"}", b""), "header of 8,388,610 bytes"),
    "not JSON": ((b"{nonsense}", b""), "damaged header"),
    "not UTF-8": ((b'{"\xff": 1}', b""), "damaged header"),
    "deep": ((b'{"a":' * 100_000, b""), "damaged header"),
    "twice": ((b'{"a": {}, "a": {}}', b""), "a name stands twice"),
    "no object": (({"a": 3}, b""), "tensor 'a'"),
    "no shape": (({"a": {"dtype": "U8", "data_offsets": [0, 1]}}, b"x"), "tensor 'a'"),
    "unknown type": (({"a": tensor(0, 1, dtype="X9")}, b"x"), "tensor 'a'"),
    "type that is a list": (({"a": {**tensor(0, 1), "dtype": []}}, b"x"), "tensor 'a'"),
    "three ends": (({"a": {**tensor(0, 1), "data_offsets": [0, 1, 2]}}, b"x"), "tensor 'a'"),
    "negative shape": (({"a": tensor(0, 1, [-1])}, b"x"), "shape or its place is impossible"),
    "fractional shape": (({"a": tensor(0, 1, [1.0])}, b"x"), "shape or its place is impossible"),
    "true as a number": (({"a": tensor(0, 1, [True])}, b"x"), "shape or its place is impossible"),
    "many dimensions": (({"a": tensor(0, 1, [1] * 17)}, b"x"), "shape or its place is impossible"),
    "backwards": (({"a": tensor(1, 0, [1])}, b"x"), "is not the size of"),
    "overflow": (({"a": tensor(0, 0, [2**32, 2**32], "F32")}, b""), "is not the size of"),
    "beyond 64 bits": (({"a": tensor(0, 2**64, [2**64])}, b""), "shape or its place is impossible"),
    "wrong size": (({"a": tensor(0, 4, [2], "F32")}, b"xxxx"), "is not the size of"),
    "overlap": (({"a": tensor(0, 4), "b": tensor(2, 6)}, b"x" * 6), "overlap or leave gaps"),
    "twice the same": (({"a": tensor(0, 4), "b": tensor(0, 4)}, b"x" * 4), "overlap or leave gaps"),
    "gap": (({"a": tensor(0, 2), "b": tensor(3, 4)}, b"x" * 4), "overlap or leave gaps"),
    "late start": (({"a": tensor(1, 2)}, b"xx"), "overlap or leave gaps"),
    "outside": (({"a": tensor(0, 10**12)}, b"x"), "999,999,999,999 bytes are missing"),
    "hidden end": (({"a": tensor(0, 1)}, b"xyz"), "2 bytes that belong to no tensor"),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_headers_that_lie(tmp_path: Path, lie: str) -> None:
    content, said = LIES[lie]
    path = written(tmp_path / "model.safetensors", *content)
    for read in (check, load):
        with pytest.raises(CheckpointError, match=said):
            read(path)


def test_every_cut_is_found(tmp_path: Path) -> None:
    save_file({"w": torch.ones(3), "v": torch.ones(2)}, tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    for length in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"cut off|is empty|neither safetensors"):
            check(tmp_path / "cut")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>", "is a web page"),
        (b"<html lang=ko>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n", "Git LFS pointer"),
        (b"hello", "neither safetensors nor a PyTorch checkpoint"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        identify(tmp_path / "m")


def test_pickles_are_told_apart_and_not_read_as_safetensors(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(1)}, tmp_path / "new")
    torch.save({"w": torch.ones(1)}, tmp_path / "old", _use_new_zipfile_serialization=False)
    assert identify(tmp_path / "new") is Kind.ZIPPED_PICKLE
    assert identify(tmp_path / "old") is Kind.PICKLE
    with pytest.raises(CheckpointError, match="convert it first"):
        check(tmp_path / "new")
    with pytest.raises(CheckpointError, match="There is no model file"):
        identify(tmp_path / "none")
