"""Whether a code keeps the factors of a data set apart: each in a number of its own."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from figment.core.errors import DataError

__all__ = ["factor_score", "mutual_information_gap"]

BINS = 20


def mutual_information_gap(codes: Tensor, factors: Tensor) -> float:
    """MIG (Chen et al. 2018, eq. 6) of codes (N, D) and numbered factors (N, K): 0, nothing apart, to 1.

    For each factor, how much more the number of the code that tells most of it tells than the next one does, as a share
    of the factor's entropy. Code numbers are sorted into 20 bins of equal width. Raises DataError for a code of one
    number.
    """
    if codes.shape[1] < 2:
        raise DataError("A gap needs codes of at least 2 numbers.")
    binned = torch.stack([_binned(column) for column in codes.T])
    gaps = []
    for factor in factors.long().T:
        told = torch.stack([_information(column, factor) for column in binned]).sort(descending=True).values
        gaps.append((told[0] - told[1]) / _information(factor, factor))
    return float(torch.stack(gaps).mean())


def factor_score(differences: Tensor, kept: Tensor, *, steps: int = 500) -> float:
    """The beta-VAE score (Higgins et al. 2017, section 3): how often a linear classifier tells which factor was kept.

    `differences` (N, D) are mean absolute differences of the codes of pairs of pictures that share one factor, `kept`
    (N,) the number of that factor. Trained on the first half, measured on the second.
    """
    half = len(kept) // 2
    scale = differences[:half].std(dim=0).clamp(min=1e-6)
    rows = (differences / scale).double()
    classes = int(kept.max()) + 1
    weights = torch.zeros(rows.shape[1] + 1, classes, dtype=torch.double, requires_grad=True)
    inputs = torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.double)], dim=1)
    optimizer = torch.optim.Adam([weights], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(inputs[:half] @ weights, kept[:half]))
        optimizer.step()
    with torch.no_grad():
        guesses = (inputs[half:] @ weights).argmax(dim=1)
    return float((guesses == kept[half:]).double().mean())


def _binned(column: Tensor) -> Tensor:
    low, high = column.min(), column.max()
    return ((column - low) / (high - low).clamp(min=1e-12) * BINS).long().clamp(max=BINS - 1)


def _information(first: Tensor, second: Tensor) -> Tensor:
    """Mutual information in nats of two columns of numbers from 0."""
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    joint = torch.bincount(first * columns + second, minlength=rows * columns).double().view(rows, columns)
    joint = joint / joint.sum()
    apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    seen = joint > 0
    return (joint[seen] * (joint[seen] / apart[seen]).log()).sum()
