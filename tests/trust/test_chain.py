"""Chained lines: what breaks the chain is named, a crash is mended, two writers take turns."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from figment.core.errors import DataError, OutputError
from figment.trust.chain import Chain
from figment.trust.locks import locked

WRITER = """
import sys
from pathlib import Path
from figment.trust.chain import Chain
for number in range(10):
    Chain(Path(sys.argv[1])).append("note", {"writer": sys.argv[2], "number": number})
"""


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    chain = Chain(tmp_path / "chain.jsonl")
    for number in range(4):
        chain.append("note", {"number": number, "text": "얼굴"})
    return chain


def numbers(chain: Chain) -> list[int]:
    return [line.fields["number"] for line in chain.lines() if line.kind == "note"]


def test_lines_come_back_in_order_with_the_hash_that_append_gave(chain: Chain) -> None:
    last = chain.append("note", {"number": 4})
    assert numbers(chain) == [0, 1, 2, 3, 4]
    assert chain.lines()[-1].hash == last.hash
    assert len({line.hash for line in chain.lines()}) == 5


def test_no_file_is_no_lines(tmp_path: Path) -> None:
    assert Chain(tmp_path / "none").lines() == ()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no owner's mode")
def test_only_the_owner_can_read_it(chain: Chain) -> None:
    assert chain.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_every_changed_byte_is_found_at_its_line(chain: Chain, number: int) -> None:
    lines = chain.path.read_bytes().splitlines(keepends=True)
    for place in range(0, len(lines[number]) - 1, 5):
        changed = bytearray(lines[number])
        changed[place] ^= 1
        chain.path.write_bytes(b"".join([*lines[:number], bytes(changed), *lines[number + 1 :]]))
        with pytest.raises(DataError, match=f"broken at line {number + 1}:"):
            chain.lines()


def test_removed_swapped_and_inserted_lines_are_found(chain: Chain) -> None:
    a, b, c, d = chain.path.read_bytes().splitlines(keepends=True)
    for forged, broken in (([b, c, d], 1), ([a, c, d], 2), ([a, c, b, d], 2), ([a, b, b, c, d], 3), ([a, b"\n", b], 2)):
        chain.path.write_bytes(b"".join(forged))
        with pytest.raises(DataError, match=f"broken at line {broken}:"):
            chain.lines()


def test_a_name_that_stands_twice_is_found(chain: Chain) -> None:
    whole = chain.path.read_bytes()
    chain.path.write_bytes(whole.replace(b'{"kind": "note", "number": 3', b'{"kind": "x", "kind": "note", "number": 3'))
    with pytest.raises(DataError, match="broken at line 4:"):
        chain.lines()


def test_nothing_is_added_to_a_broken_chain(chain: Chain) -> None:
    whole = chain.path.read_bytes().replace(b'"number": 1', b'"number": 7')
    chain.path.write_bytes(whole)
    with pytest.raises(DataError, match="broken at line 2:"):
        chain.append("note", {"number": 4})
    assert chain.path.read_bytes() == whole


def test_a_torn_line_is_mended_by_adding_wherever_it_was_torn(chain: Chain) -> None:
    whole = chain.path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last + 1, len(whole) - 1, 7):
        chain.path.write_bytes(whole[:cut])
        assert numbers(chain) == [0, 1, 2]
        chain.append("note", {"number": 9})
        assert numbers(chain) == [0, 1, 2, 9]
        assert chain.path.read_bytes().startswith(whole[:cut])


def test_a_line_that_lacks_only_its_end_counts(chain: Chain) -> None:
    chain.path.write_bytes(chain.path.read_bytes()[:-1])
    chain.append("note", {"number": 4})
    assert numbers(chain) == [0, 1, 2, 3, 4]


def test_a_mending_that_was_torn_is_mended(chain: Chain) -> None:
    torn = chain.path.read_bytes()[:-20]
    chain.path.write_bytes(torn)
    chain.append("note", {"number": 4})
    mended = chain.path.read_bytes()
    repair = mended.index(b"\x1e", len(torn)) + 1
    whole = mended.index(b"\n", repair) + 1
    for cut in range(len(torn) + 1, len(mended), 3):
        chain.path.write_bytes(mended[:cut])
        chain.append("note", {"number": 5})
        assert numbers(chain) == ([0, 1, 2, 4, 5] if cut >= len(mended) - 1 else [0, 1, 2, 5])
    assert json.loads(mended[repair:whole])["kind"] == "repair"


def test_a_mending_that_names_other_bytes_is_found(chain: Chain) -> None:
    torn = chain.path.read_bytes()[:-20]
    chain.path.write_bytes(torn)
    chain.append("note", {"number": 4})
    chain.path.write_bytes(chain.path.read_bytes().replace(torn[-30:], torn[-30:].upper()))
    with pytest.raises(DataError, match="broken at line 4:"):
        chain.lines()


def test_two_writers_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "chain.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "ab"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    lines = Chain(path).lines()
    for name in "ab":
        assert [line.fields["number"] for line in lines if line.fields["writer"] == name] == list(range(10))


def test_waiting_for_a_lock_ends(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock"),
        pytest.raises(OutputError, match="Another process has held"),
        locked(tmp_path / "lock", patience=0.1),
    ):
        pytest.fail("the lock was taken twice")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        Chain(tmp_path / "file" / "chain.jsonl").append("note", {})
