"""Distances to the nearest training sprite: made pictures that are nearer than held-out real ones are copies."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scene_verdicts import PALETTE
from sprite_judge import SIDE, stacked
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from figment.data.scene import WHITE, Placed, Scene
from figment.data.scene_render import render
from figment.data.sprite_pack import SpritePack
from figment.metrics.judge import Judge
from figment.metrics.nearest import nearest_distances
from figment.metrics.oracle import cut_out, look

__all__ = ["Distances", "distances"]

PIXEL_SIDE = 32
CHUNK = 256
Distances = dict[str, dict[str, dict[str, float]]]
"""By space, then by whose pictures: quantiles of the distance, and the share of copies."""


def distances(
    pack: SpritePack, judge: Judge, made: Sequence[NDArray[np.uint8]], real: Sequence[NDArray[np.uint8]]
) -> Distances:
    """Compare pictures of one object on white, `made` and held-out `real` ones (H, W, 3), with all training sprites.

    Objects are cut out first, so that place and size do not count. In pixels the distance is the root mean square
    difference in levels, 0 to 255; in the judge's features it is that of unit vectors, 0 to 2. A copy is nearer than
    95 % of the held-out pictures are.
    """
    known, ours, theirs = (_views(pictures, judge) for pictures in (_training(pack), _alone(made), _alone(real)))
    found: Distances = {}
    for space, references in known.items():
        near, far = nearest_distances(ours[space], references), nearest_distances(theirs[space], references)
        limit = float(far.quantile(0.05))
        found[space] = {"made": _summary(near, limit), "held out": _summary(far, limit)}
    return found


def _training(pack: SpritePack) -> list[NDArray[np.uint8]]:
    cut_outs = []
    for number, sprite in enumerate(pack.sprites):
        if not sprite.held_out:
            rendered = render(Scene((Placed(number, sprite.concept, 0.5, 0.5, 0.8),), WHITE, sprite.style), pack, 128)
            cut_outs.append(cut_out(rendered.image, rendered.masks[0] > 0, SIDE))
    return cut_outs


def _alone(pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """The foreground of each picture, cut out; of an empty picture all of it."""
    cut_outs = []
    for picture in pictures:
        masks = [found.mask for found in look(picture, PALETTE).objects] or [np.ones(picture.shape[:2], dtype=bool)]
        cut_outs.append(cut_out(picture, np.logical_or.reduce(masks), SIDE))
    return cut_outs


@torch.no_grad()
def _views(pictures: Sequence[NDArray[np.uint8]], judge: Judge) -> dict[str, Tensor]:
    """Vectors (N, D) of `pictures` (SIDE, SIDE, 3) in both spaces, scaled to the units of the distances."""
    pixels, features = [], []
    device = next(judge.parameters()).device
    for start in range(0, len(pictures), CHUNK):
        images = stacked(pictures[start : start + CHUNK])
        small = interpolate(images, (PIXEL_SIDE, PIXEL_SIDE), mode="bilinear", antialias=True).flatten(1)
        pixels.append(small * (127.5 / small.shape[1] ** 0.5))
        features.append(normalize(judge.features(images.to(device))).cpu())
    return {"pixels": torch.cat(pixels), "features": torch.cat(features)}


def _summary(found: Tensor, limit: float) -> dict[str, float]:
    low, median, high = found.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    return {"5%": low, "median": median, "95%": high, "copies": float((found < limit).float().mean())}
