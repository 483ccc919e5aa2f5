"""Python's own pickle is the reference: what it writes is read, and what we write it reads."""

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figment.core.errors import CheckpointError, DataError
from figment.faceswap.dfl import pickles, weights

_ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)
VALUES: list[Any] = [
    None,
    [True, False, 0, 1, -1, 255, 256, -70000, 2**40, -(2**200), 0.5, -1e300],
    {
        "a": "",
        "한": "글" * 300,
        3: b"",
        "b": b"\x00\xff" * 200,
        "nested": {"list": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ()]},
    },
]
ARRAYS = [
    _ARRAY,
    _ARRAY.T,
    _ARRAY.astype(">f8"),
    np.zeros((0, 2), np.int32),
    np.array(7, np.uint8),
    _ARRAY.astype("f2"),
]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_python_writes_is_read(protocol: int) -> None:
    for value in VALUES:
        assert pickles.loads(pickle.dumps(value, protocol)) == value
    for array in ARRAYS:
        one, other = pickles.loads(pickle.dumps([array, array.copy()], protocol))
        np.testing.assert_array_equal(one, array)
        np.testing.assert_array_equal(other, array)
        assert one.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert pickles.loads(pickle.dumps(np.float32(0.25), protocol)) == 0.25


def test_what_we_write_is_read_by_python_and_by_us() -> None:
    for value in VALUES:
        assert pickle.loads(pickles.dumps(value)) == value  # noqa: S301  # bytes of our own
        assert pickles.loads(pickles.dumps(value)) == value
    for array in ARRAYS:
        np.testing.assert_array_equal(pickle.loads(pickles.dumps(array)), array)  # noqa: S301  # bytes of our own
        np.testing.assert_array_equal(pickles.loads(pickles.dumps(array)), array)


class Runs:
    def __init__(self, function: Any, *values: Any) -> None:
        self.made = function, values

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_no_code_is_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    hostile = [
        pickle.dumps(Runs(os.mkdir, str(trace)), protocol),
        pickle.dumps({"landmarks": Runs(eval, f"open({str(trace)!r}, 'w')")}, protocol),
        pickle.dumps(Runs(np.load, str(trace)), protocol),
        pickle.dumps(Runs(getattr, "a", "upper"), protocol),
        pickle.dumps(np.array([{}, []], object), protocol),
        pickle.dumps(Path("a"), protocol),
    ]
    for content in hostile:
        with pytest.raises(DataError, match="refused"):
            pickles.loads(content)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"\x80\x04",
        b"0.",
        b"(.",
        b"h\x05.",
        b"]N\x93.",
        b"cos\nsystem\nX\x01\x00\x00\x00a\x85R.",
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x02tb.",
        b"\x82\x01.",
        b"Pname\n.",
        b"}(]K\x01u.",
        b"B\xff\xff\xff\x7fabc.",
    ],
)
def test_damaged_pickles_are_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        pickles.loads(content)


def test_a_short_pickle_cannot_stand_for_a_large_value() -> None:
    bomb: Any = [0]
    for _ in range(60):
        bomb = [bomb, bomb]
    deep: Any = (0,)
    for _ in range(60):
        deep = (deep, deep)
    for value in (bomb, deep, {"a": [_ARRAY] * 2}, [tuple(range(100))] * 2):
        with pytest.raises(DataError, match="in several places"):
            pickles.loads(pickle.dumps(value, 4))
    shape = (256, 256, 3)
    assert pickles.loads(pickle.dumps([shape, shape], 4)) == [shape, shape]


def test_an_array_must_hold_the_bytes_of_its_shape() -> None:
    told = pickles.dumps(np.zeros((3, 4), np.float32)).replace(b"\x8a\x01\x03\x8a\x01\x04", b"\x8a\x01\x7f\x8a\x01\x7f")
    with pytest.raises(DataError, match="another size"):
        pickles.loads(told)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(DataError):
        pickles.loads(content)


def test_weights_of_quick96(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).normal(size=(5, 5, 3, 8)).astype(np.float32)
    told = {"down1/downs_0/conv1/weight:0": kernel, "down1/downs_0/conv1/bias:0": np.zeros(8, np.float32)}
    path = tmp_path / "new_Quick96_encoder.npy"
    path.write_bytes(pickle.dumps(told, 4))
    found = weights.read(path)
    assert list(found) == list(told)
    np.testing.assert_array_equal(found["down1/downs_0/conv1/weight:0"], kernel)
    for other in ([1, 2], {}, {"a": "b"}, {1: kernel}, {"a": Runs(os.getcwd)}):
        path.write_bytes(pickle.dumps(other, 4))
        with pytest.raises(CheckpointError):
            weights.read(path)
    with pytest.raises(CheckpointError, match="Cannot read"):
        weights.read(tmp_path / "none.npy")
