"""The child process of `figment.core.pickles`: python -m figment.core.unpickle CHECKPOINT TARGET MEMORY.

Prints one line of JSON: {"done": true}, or {"refused": "why"} and exit code 1.
"""

import json
import pickle
import re
import struct
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["Refused", "main", "read"]

MAX_DEPTH = 16
# What PyTorch is known to raise on damaged files, beside refusals of the restricted unpickler.
_DAMAGE = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    EOFError,
    OSError,
    OverflowError,
    AssertionError,
    RecursionError,
    struct.error,
    zipfile.BadZipFile,
)


HARMLESS = (
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.callbacks.ModelCheckpoint",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "_codecs.encode",
)
"""Names in the training state that PyTorch Lightning left in the checkpoints of 2022; `Inert` stands for each, and what
they name is never imported."""


class Refused(Exception):
    """Why the checkpoint is not converted."""


class Inert:
    """Does nothing, whatever it is made of and told."""

    def __init__(self, *_values: object) -> None:
        """Take anything."""

    def __setstate__(self, _state: object) -> None:
        """Keep nothing."""


def main() -> None:
    """Convert the checkpoint that the command line names."""
    source, target, memory = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _limit(memory)
    try:
        save_file(read(source), target)
    except Refused as refusal:
        _end({"refused": str(refusal)}, 1)
    except MemoryError:
        _end({"refused": "it needs more memory than its size explains"}, 1)
    _end({"done": True}, 0)


def read(path: Path) -> dict[str, Tensor]:
    """Tensors of a checkpoint by name, each with memory of its own. Raises Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are then refused
            with torch.serialization.safe_globals([(Inert, name) for name in HARMLESS]):
                values = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise Refused(_explained(str(error))) from error
    except _DAMAGE as error:
        raise Refused(f"it is cut off or damaged ({_first_line(error)}); copy it again") from error
    if isinstance(values, Mapping) and isinstance(values.get("state_dict"), Mapping):
        values = values["state_dict"]
    tensors = _apart(_named(values))
    if not tensors:
        raise Refused("it holds no tensors by name; give a checkpoint with a state_dict")
    return tensors


def _limit(memory: int) -> None:
    """Bound what this process may still take. Windows has no such bound; there the check of sizes must do."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _in_use() + memory
    resource.setrlimit(resource.RLIMIT_DATA, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _in_use() -> int:
    """Bytes of data that this process has taken, its libraries most of them; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmData:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return int(found.group(1)) * 1024 if found else 0


def _named(values: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    if isinstance(values, Tensor) and prefix and values.layout is torch.strided:
        yield prefix, values
    elif isinstance(values, Mapping) and depth < MAX_DEPTH:
        for name, value in values.items():
            if isinstance(name, str):
                yield from _named(value, f"{prefix}.{name}" if prefix else name, depth + 1)


def _apart(named: Iterator[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors by name, copied where they share memory with one before, which safetensors cannot write."""
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in named:
        memory = tensor.untyped_storage().data_ptr()
        tensors[name] = (tensor.clone() if memory in seen else tensor).detach().contiguous()
        seen.add(memory)
    return tensors


def _explained(message: str) -> str:
    """Why the restricted unpickler refused, from its `message`."""
    wanted = re.search(r"GLOBAL ([\w.]+)|(?:load|find|import) ([\w]+\.[\w.]+)", message)
    if wanted is None:
        return "it is damaged or wants more than tensors and plain values; look for a .safetensors version"
    name = wanted.group(1) or wanted.group(2)
    return f"loading it would run code ({name}); look for a .safetensors version"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def _end(said: dict[str, object], code: int) -> None:
    print(json.dumps(said), flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
