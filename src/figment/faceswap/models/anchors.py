"""From what a one-shot detector says at each place of a grid to faces: Bazarevsky et al. 2019, BlazeFace, section 3."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figment.faceswap.faces import Found

__all__ = ["centres", "faces", "placed"]

OVERLAP = 0.3
"""Boxes that share more than this part of their union are one face."""


def centres(sides: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
    """(A, 2) middles of the cells of grids, in shares of the picture: for each (side, boxes a cell), row by row."""
    grids = []
    for side, boxes in sides:
        steps = (np.arange(side) + 0.5) / side
        grids.append(np.repeat(np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2), boxes, axis=0))
    return np.concatenate(grids)


def faces(values: NDArray[np.float32], scores: NDArray[np.float32], threshold: float) -> list[Found]:
    """Faces of one picture, the surest first.

    Values are (A, 16): centre, width and height, and six points, in pixels; scores (A,) are from 0 to 1. Boxes that
    overlap are averaged by their scores, so that a face does not tremble when another of them comes first.
    """
    kept = np.argsort(-scores, kind="stable")[: int((scores >= threshold).sum())]
    values, scores = values[kept], scores[kept]
    boxes = np.concatenate([values[:, :2] - values[:, 2:4] / 2, values[:, :2] + values[:, 2:4] / 2], 1)
    found, left = [], np.ones(len(kept), bool)
    while left.any():
        first = int(np.argmax(left))
        same = left & (_overlaps(boxes[first], boxes) > OVERLAP)
        same[first] = True
        weights = scores[same, None] / scores[same].sum()
        points = (values[same, 4:] * weights).sum(0).reshape(-1, 2)
        found.append(Found((boxes[same] * weights).sum(0), float(scores[first]), points))
        left &= ~same
    return found


def _overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one box and each of (N, 4)."""
    sides = np.clip(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0, None)
    common = sides.prod(1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - common
    shares: NDArray[np.float32] = common / np.maximum(union, 1e-9)
    return shares


def placed(
    values: Tensor,
    logits: Tensor,
    middles: NDArray[np.float64],
    size: int,
    threshold: float,
    factor: float,
    corner: NDArray[np.float64],
) -> list[list[Found]]:
    """Faces of each frame, from (B, A, 16) values that count from the anchors' (A, 2) middles, and (B, A) logits.

    `factor` and `corner` say where a picture of `size` lies in the frame; see `figment.faceswap.models.crops`.
    """
    scores = torch.sigmoid(logits).numpy()
    places = values.numpy() * factor
    start = middles * size * factor + corner
    places[..., :2] += start
    places[..., 4:] += np.tile(start, 6)
    return [faces(*picture, threshold) for picture in zip(places.astype(np.float32), scores, strict=True)]
