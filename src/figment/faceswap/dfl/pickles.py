"""Pickles of plain values and arrays, read and written without Python's pickle.

A pickle is a program for a small machine with a stack (Python's Lib/pickletools.py describes it). This reader is such a
machine that has nothing to call but: an array of numbers, its type, a single number, and two enumerations of
DeepFaceLab, read as whole numbers. Names are compared, never imported; keys are strings or numbers; an array takes the
bytes that the file holds and no more; only small values may occur in several places, so that a short file cannot stand
for one that fills the memory.
"""

import math
import pickletools
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import DataError

__all__ = ["dumps", "loads"]

_MARK = object()
_NUMBERS = frozenset(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])
"""Types of numbers that an array may have."""
_VALUES = frozenset(
    {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "BINFLOAT", "FLOAT"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "MARK": lambda: _MARK,
}
_LARGE = (tuple, list, dict, np.ndarray)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name:
    """Stands for what a pickle names."""

    def __init__(self, module: str, name: str) -> None:
        """Keep the name that was in use before numpy 2."""
        core = module.replace("numpy._core", "numpy.core")
        self.full = f"{core}.{name}"


class _Type:
    """Stands for the type of an array's numbers."""

    def __init__(self, name: object) -> None:
        """Refuse all but numbers."""
        if not isinstance(name, str) or name not in _NUMBERS:
            raise ValueError("holds an array of something else than numbers")
        self.dtype = np.dtype(name)

    def build(self, state: Any) -> None:
        """Take (version, order of bytes, ...)."""
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for an array until its numbers come."""

    value: NDArray[Any] | None = None

    def build(self, state: Any) -> None:
        """Take (version, shape, type, whether column by column, bytes)."""
        _, shape, kind, by_columns, content = state
        if not isinstance(kind, _Type) or not isinstance(content, bytes) or not _is_shape(shape):
            raise ValueError("holds an array that is not one of numbers")
        if math.prod(shape) * kind.dtype.itemsize != len(content):
            raise ValueError("holds an array of another size than its numbers")
        flat = np.frombuffer(content, kind.dtype).astype(kind.dtype.newbyteorder("="))
        self.value = flat.reshape(shape, order="F" if by_columns else "C")


def _is_shape(shape: object) -> bool:
    return isinstance(shape, tuple) and len(shape) <= 8 and all(type(side) is int and side >= 0 for side in shape)


def loads(content: bytes) -> Any:
    """The value in `content`: None, truth values, numbers, strings, bytes, lists, tuples, mappings and arrays.

    Raises DataError for anything else, before it is made.
    """
    try:
        return _Machine().run(content)
    except (ValueError, TypeError, LookupError, AttributeError, struct.error, OverflowError, UnicodeError) as error:
        raise DataError(f"The pickle is refused: it {error} or is damaged; only plain values are read.") from error


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        for opcode, value, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return self._pop()
            self._step(opcode.name, value)
        raise ValueError("has no end")

    def _step(self, name: str, value: Any) -> None:
        if name in ("PROTO", "FRAME"):
            return
        if name in _VALUES:
            self.stack.append(value)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _TUPLES:
            self.stack.append(tuple(reversed([self._pop() for _ in range(_TUPLES[name])])))
        elif name == "TUPLE":
            self.stack.append(tuple(self._to_mark()))
        elif name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS"):
            self._fill(name)
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[len(self.memo) if value is None else value] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(_shared(self.memo[value]))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            module, _, last = value.partition(" ") if value else (self.stack[-2], "", self._pop())
            if not value:
                self._pop()
            self.stack.append(_Name(module, last))
        elif name == "REDUCE":
            values, called = self._pop(), self._pop()
            self.stack.append(_called(called, values))
        elif name == "BUILD":
            state = self._pop()
            self.stack[-1].build(state)
        else:
            raise ValueError(f"wants to {name}")

    def _pop(self) -> Any:
        """The last value; in place of what stands for an array, the array."""
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("ends a list that has not begun")
        return value if not isinstance(value, _Array) or value.value is None else value.value

    def _to_mark(self) -> list[Any]:
        values = []
        while self.stack[-1] is not _MARK:
            values.append(self._pop())
        self.stack.pop()
        return values[::-1]

    def _fill(self, name: str) -> None:
        """Put values into the list, or pairs into the mapping, that lies before them."""
        count = {"APPEND": 1, "SETITEM": 2}.get(name)
        values = self._to_mark() if count is None else [self._pop() for _ in range(count)][::-1]
        target = self.stack[-1]
        if name.startswith("APPEND") and type(target) is list:
            target.extend(values)
        elif (
            name.startswith("SETITEM") and type(target) is dict and all(type(key) in (str, int) for key in values[::2])
        ):
            target.update(zip(values[::2], values[1::2], strict=True))
        else:
            raise ValueError("fills what is no list or mapping")


def _shared(value: Any) -> Any:
    """`value` once more, which must be small: lists that hold a list twice, and so on, grow beyond all bounds."""
    small = type(value) is not tuple or (len(value) <= 16 and not any(isinstance(part, _LARGE) for part in value))
    if not small or isinstance(value, (list, dict, _Array)):
        raise ValueError("holds one list, mapping or array in several places")
    return value


def _called(called: object, values: Any) -> Any:
    match called.full if isinstance(called, _Name) else "":
        case "numpy.core.multiarray._reconstruct":
            return _Array()
        case "numpy.dtype":
            return _Type(values[0])
        case "numpy.core.multiarray.scalar" if isinstance(values[0], _Type) and isinstance(values[1], bytes):
            (number,) = np.frombuffer(values[1], values[0].dtype)
            return number.item()
        case "_codecs.encode" if values[1:] == ("latin1",) and isinstance(values[0], str):
            return values[0].encode("latin1")
        case "__builtin__.bytes" if values == ():  # how protocol 2 writes that there are none
            return b""
        case "samplelib.Sample.SampleType" | "facelib.FaceType.FaceType" if type(values[0]) is int:
            return values[0]
    raise ValueError(f"wants to run {called.full if isinstance(called, _Name) else 'something'}")


def dumps(value: Any) -> bytes:
    """Pickle of `value`, as `loads` reads it and every pickle and numpy since Python 3.4 and numpy 1.0 too."""
    return b"\x80\x04" + _written(value) + b"."


def _written(value: Any) -> bytes:
    match value:
        case None | bool():
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        case int():
            content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(content)]) + content
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
        case list():
            return b"](" + b"".join(map(_written, value)) + b"e"
        case tuple():
            return b"(" + b"".join(map(_written, value)) + b"t"
        case dict():
            return b"}(" + b"".join(_written(part) for pair in value.items() for part in pair) + b"u"
        case np.ndarray():
            return _written_array(value)
    raise TypeError(f"A {type(value).__name__} is no plain value.")


def _written_array(array: NDArray[Any]) -> bytes:
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _written((0,)) + _written(b"b") + b"\x87R"
    kind = b"cnumpy\ndtype\n" + _written((plain.dtype.str[1:], False, True)) + b"R"
    order = _written((3, "<" if plain.dtype.itemsize > 1 else "|", None, None, None, -1, -1, 0)) + b"b"
    parts = _written(1) + _written(array.shape) + kind + order + _written(False) + _written(plain.tobytes())
    return start + b"(" + parts + b"tb"
