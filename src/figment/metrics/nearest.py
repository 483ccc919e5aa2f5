"""Nearest neighbours: how far pictures are from the training set, by which memorising is seen."""

import torch
from torch import Tensor

__all__ = ["nearest_distances"]

CHUNK = 2048  # references compared at once


@torch.no_grad()
def nearest_distances(queries: Tensor, references: Tensor) -> Tensor:
    """Euclidean distance (N,) of each of `queries` (N, D) to the nearest of `references` (M, D)."""
    found = [torch.cdist(queries.float(), chunk.float()).amin(dim=1) for chunk in torch.split(references, CHUNK)]
    return torch.stack(found).amin(dim=0)
