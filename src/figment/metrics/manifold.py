"""Quality and diversity apart: which made pictures look real, and which real pictures could have been made.

Precision and recall after Kynkäänniemi et al. 2019, density and coverage after Naeem et al. 2020. Both draw a ball
around every picture that reaches to its k-th nearest neighbour of its own set.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from figment.core.errors import DataError

__all__ = ["Manifold", "manifold"]

CHUNK = 2048
"""Rows compared at once, so that memory stays bounded."""


@dataclass(frozen=True)
class Manifold:
    """Shares in [0, 1], except density, which may exceed 1."""

    precision: float
    """Made pictures inside a ball of a real one: low where pictures look wrong."""
    recall: float
    """Real pictures inside a ball of a made one: low where kinds of pictures are missing."""
    density: float
    """Mean number of real balls that hold a made picture, as a share of k; outliers count less than in precision."""
    coverage: float
    """Real pictures whose ball holds a made one; outliers among the made ones do not raise it."""


@torch.no_grad()
def manifold(real: Tensor, made: Tensor, k: int = 5) -> Manifold:
    """Compare features (N, D) of real with features (M, D) of made pictures.

    Raises DataError where a set has no k-th neighbour.
    """
    for rows in (real, made):
        if len(rows) <= k:
            raise DataError(f"Balls to the {k}. neighbour need more than {k} pictures, not {len(rows)}.")
    real, made = real.float(), made.float()
    real_radii, made_radii = _radii(real, k), _radii(made, k)
    balls = torch.zeros(len(made))
    covered = torch.zeros(len(real), dtype=torch.bool)
    recalled = torch.zeros(len(real), dtype=torch.bool)
    for start in range(0, len(made), CHUNK):
        some = slice(start, start + CHUNK)
        distances = torch.cdist(real, made[some])
        inside = distances <= real_radii[:, None]
        balls[some] = inside.float().sum(dim=0)
        covered |= inside.any(dim=1)
        recalled |= (distances <= made_radii[None, some]).any(dim=1)
    return Manifold(
        precision=float((balls > 0).float().mean()),
        recall=float(recalled.float().mean()),
        density=float(balls.mean()) / k,
        coverage=float(covered.float().mean()),
    )


def _radii(rows: Tensor, k: int) -> Tensor:
    """Distance (N,) of every row to its k-th nearest other row."""
    found = [torch.cdist(chunk, rows).kthvalue(k + 1, dim=1).values for chunk in torch.split(rows, CHUNK)]
    return torch.cat(found)
