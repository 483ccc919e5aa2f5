"""Whether the numbers of a code keep apart what pictures differ in: as figures, and as pictures of each alone."""

from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from figment.core.model import Encodes, GenerativeModel
from figment.data.factors import FACTORS, Factors
from figment.metrics.disentangling import factor_score, mutual_information_gap

__all__ = ["has_numbers", "kept_apart", "traversed"]

PICTURES, COMPARISONS, PAIRS, AT_ONCE = 4000, 1500, 32, 200
SHOWN, ACROSS, REACH = 10, 9, 2.5
"""Numbers of a code, and pictures of each, in a traversal from -REACH to REACH."""


def has_numbers(model: GenerativeModel[Any], image: Tensor) -> TypeGuard[Encodes]:
    """Whether `model` writes pictures like `image` (C, H, W) as a row of several real numbers."""
    if not isinstance(model, Encodes):
        return False
    code = model.encode(image[None].to(model.device))
    return code.ndim == 2 and code.is_floating_point() and code.shape[1] > 1


def kept_apart(model: Encodes, data: Factors, seed: int, device: torch.device) -> tuple[float, float]:
    """Mutual information gap (Chen et al. 2018) and beta-VAE score (Higgins et al. 2017), each from 0 to 1."""
    batches = [data.batch(index, AT_ONCE, seed) for index in range(PICTURES // AT_ONCE)]
    codes = torch.cat([model.encode(batch.images.to(device)).cpu() for batch in batches if batch.images is not None])
    factors = torch.cat([batch.vectors for batch in batches if batch.vectors is not None]).long()
    return mutual_information_gap(codes, factors), factor_score(*_differences(model, data, seed, device))


def _differences(model: Encodes, data: Factors, seed: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean differences of the codes of pairs that share one factor, and which one they share."""
    rng = np.random.default_rng(seed)
    counts = np.array(list(FACTORS.values()))
    found, kept = [], []
    for _ in range(COMPARISONS):
        shared = int(rng.integers(len(counts)))
        first, second = (rng.integers(counts, size=(PAIRS, len(counts))) for _ in range(2))
        second[:, shared] = first[:, shared]
        images = data.of(np.concatenate([first, second])).images
        assert images is not None
        one, other = model.encode(images.to(device)).cpu().chunk(2)
        found.append((one - other).abs().mean(dim=0))
        kept.append(shared)
    return torch.stack(found), torch.tensor(kept)


def traversed(model: Encodes, images: Tensor) -> Tensor:
    """Pictures (N * ACROSS, C, H, W): in each row one number of a code runs from low to high and the rest stay.

    The numbers are those that differ most over `images` (B, C, H, W), and the code is that of the first picture.
    """
    codes = model.encode(images)
    ranked = codes.var(dim=0).argsort(descending=True)[:SHOWN]
    rows = codes[0].repeat(len(ranked), ACROSS, 1)
    for row, number in zip(rows, ranked, strict=True):
        row[:, number] = torch.linspace(-REACH, REACH, ACROSS)
    return model.decode(rows.flatten(0, 1))
