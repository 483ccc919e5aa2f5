"""The picture that a new one starts from, and the mask of what is to be drawn anew, cut to the size of the new one."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.core.errors import InputError
from figment.pixels.arrays import to_signed
from figment.pixels.files import load
from figment.pixels.resizing import resize
from figment.trust.labels import Ingredient, Operation, Provenance

__all__ = ["HALVES", "half", "labelled", "opened", "started"]

HALVES = ("lower", "upper", "left", "right")
"""Masks that need no picture."""


def started(init: Path | None, mask: Path | None, shape: tuple[int, int, int]) -> tuple[Tensor | None, Tensor | None]:
    """Picture (1, C, H, W) in [-1, 1] and mask (1, 1, H, W) in [0, 1] for pictures of `shape` (C, H, W).

    Raises InputError for a mask without a picture, or of another size than it.
    """
    channels, height, width = shape
    picture, drawn = opened(init, mask, "L" if channels == 1 else "RGB")
    if picture is None:
        return None, None
    start = torch.from_numpy(to_signed(resize(picture, (height, width))))[None]
    if drawn is None:
        return start, None
    cut = resize(drawn[..., None], (height, width))
    return start, torch.from_numpy(cut.astype(np.float32) / 255).permute(2, 0, 1)[None]


def opened(
    init: Path | None, mask: Path | None, mode: Literal["RGB", "L"] = "RGB"
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    """Picture (H, W, C) and mask (H, W), or None for what is not given.

    Raises InputError for a mask without a picture, or of another size than it.
    """
    if init is None:
        if mask is not None:
            raise InputError("A mask needs the picture that it masks: give --init as well.")
        return None, None
    picture = load(init, mode)
    picture = picture[..., None] if mode == "L" else picture
    drawn = None if mask is None else load(mask, "L")
    if drawn is not None and drawn.shape != picture.shape[:2]:
        (mask_height, mask_width), (high, wide) = drawn.shape, picture.shape[:2]
        raise InputError(
            f"The mask is {mask_width}x{mask_height} pixels and the picture {wide}x{high}; they must be of one size."
        )
    return picture, drawn


def labelled(init: Path | None, model: str, sha256: str) -> Provenance:
    """How a picture came about: by the model alone, or from a start picture, whose own credentials are kept."""
    if init is None:
        return Provenance.of(Operation.CREATE, model=model, model_sha256=sha256)
    start = Ingredient("start picture", init)
    return Provenance.of(Operation.EDIT, model=model, model_sha256=sha256, inputs=(start,))


def half(name: str, height: int, width: int) -> Tensor:
    """The mask (1, 1, H, W) of one of `HALVES`."""
    mask = torch.zeros(1, 1, height, width)
    row, column = height // 2, width // 2
    parts = (mask[:, :, row:], mask[:, :, :row], mask[..., :column], mask[..., column:])
    parts[HALVES.index(name)].fill_(1)
    return mask
