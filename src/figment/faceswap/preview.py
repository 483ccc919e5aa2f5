"""A picture of how far a swap is: some faces of both sides, and what the network makes of them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.faceswap.batches import Examples
from figment.faceswap.model import SwapNetwork

__all__ = ["ROWS", "page"]

ROWS = 4
"""Most faces of each side."""
GAP = 4
"""Pixels of white between the faces as they are drawn and, below, the same under their masks."""


@torch.no_grad()
def page(network: SwapNetwork, src: Examples, dst: Examples) -> NDArray[np.uint8]:
    """(2 N S + GAP, 5 S, 3): columns src, src as src, dst, dst as dst, dst as src; below, all under their masks.

    `src` and `dst` are plain faces, of which the first N that both have are shown.
    """
    count = min(ROWS, len(src.face), len(dst.face))
    one, other = src.face[:count], dst.face[:count]
    own, own_mask = network(one, "src")
    again, again_mask = network(other, "dst")
    swapped, swapped_mask = network(other, "src")
    faces = [one, own, other, again, swapped]
    masks = [src.mask[:count], own_mask, dst.mask[:count], again_mask, swapped_mask]
    plain, masked = _table(faces), _table([face * mask for face, mask in zip(faces, masks, strict=True)])
    return np.concatenate([plain, np.full((GAP, plain.shape[1], 3), 255, np.uint8), masked])


def _table(columns: list[Tensor]) -> NDArray[np.uint8]:
    """(N S, K S, 3) of K columns (N, 3, S, S) in [0, 1]."""
    rows = torch.stack(columns, 1).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    table: NDArray[np.uint8] = (rows.cpu().float() * 255).round().to(torch.uint8).numpy()
    return table
