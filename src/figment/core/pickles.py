"""Pickled checkpoints turned into safetensors by a child process that may neither run code nor take the machine down.

A pickle is a program. PyTorch's restricted unpickler (`torch.load(weights_only=True)`) refuses all but tensors and
plain values; should it have a hole (CVE-2025-32434 was one), the damage is bounded: the child has little memory, little
time and writes one file, which is checked before use. There is no way to load a file with the restriction off.
"""

import json
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from figment.core import weights
from figment.core.errors import CheckpointError
from figment.core.files import write_atomically

__all__ = ["convert"]

SECONDS = 600
HEADROOM = 2**30
"""Bytes that the child may take beyond three times the size of the file."""
MAX_MEMBERS = 100_000


def convert(path: Path, target: Path, *, seconds: float = SECONDS) -> None:
    """Write the tensors of the pickled checkpoint at `path` to the safetensors file `target`.

    A mapping named "state_dict" is taken alone when there is one; the names of nested mappings are joined by full
    stops. Raises CheckpointError for a file that is damaged, wants to run code, or holds no tensors.
    """
    kind = weights.identify(path)
    if kind is weights.Kind.SAFETENSORS:
        raise CheckpointError(f"{path} is safetensors already; use it as it is.")
    if kind is weights.Kind.ZIPPED_PICKLE:
        _check_zip(path)

    def write(part: Path) -> None:
        _run(path, part, seconds)
        weights.check(part)

    write_atomically(target, write)


def _check_zip(path: Path) -> None:
    """PyTorch stores its members as they are. One that is packed could grow without bound, so it is refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, zlib.error) as error:
        raise CheckpointError(f"{path} is cut off or damaged ({error}); copy it again.") from error
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > path.stat().st_size:
        raise CheckpointError(
            f"{path} is a zip archive, but not one that PyTorch wrote; unpack it if a model is inside."
        )


def _run(path: Path, part: Path, seconds: float) -> None:
    memory = HEADROOM + 3 * path.stat().st_size
    # -P: a module in the current folder must not take the place of one of ours.
    command = [sys.executable, "-P", "-m", "figment.core.unpickle", str(path), str(part), str(memory)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    try:
        child = subprocess.run(command, env=environment, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise CheckpointError(f"{path} was not read within {seconds:g} s; it is damaged or made to stall.") from None
    said = _last_line(child.stdout)
    if child.returncode != 0 or said != {"done": True}:
        reason = said.get("refused") or "reading it ended in a crash or needed too much memory"
        raise CheckpointError(f"{path} was refused: {reason}.")


def _last_line(output: bytes) -> dict[str, object]:
    """The JSON object that the child printed last; empty when it came to no such end."""
    try:
        said = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
