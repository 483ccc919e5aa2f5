"""Weights of Quick96: files named `<name>_Quick96_encoder.npy`, which are pickles in spite of their ending."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import CheckpointError, DataError
from figment.faceswap.dfl import pickles

__all__ = ["PARTS", "read"]

PARTS = ("encoder", "inter", "decoder_src", "decoder_dst")
MOST = 2**30
"""Bytes of one file; a decoder takes 62 MB."""


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors by name, such as "down1/downs_0/conv1/weight:0"; kernels are (height, width, in, out).

    Raises CheckpointError for a file that is missing, damaged or holds anything but arrays by name.
    """
    try:
        if path.stat().st_size > MOST:
            raise CheckpointError(f"{path} is too large for a part of Quick96; at most {MOST >> 20} MB are read.")
        found: Any = pickles.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror}.") from error
    except DataError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not isinstance(found, dict) or not found or not all(_is_tensor(*pair) for pair in found.items()):
        raise CheckpointError(f"{path} holds no arrays by name; give a part of Quick96: {', '.join(PARTS)}.")
    return {name: array.astype(np.float32) for name, array in found.items()}


def _is_tensor(name: object, array: object) -> bool:
    return isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype.kind == "f"
