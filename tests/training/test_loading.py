"""Batches come in the same order however they are prepared."""

import numpy as np
import torch

from figment.core.dataset import Batch, Source
from figment.data.arrays import ArrayDataset
from figment.training.device import Place
from figment.training.loading import Ahead


def numbered() -> ArrayDataset:
    """Pictures whose label tells them apart."""
    images = np.zeros((40, 4, 4), dtype=np.uint8)
    return ArrayDataset("numbered", (images, np.arange(40)), Source("numbered", "1", "CC0-1.0", 40))


def taken(workers: int, world: int = 1, rank: int = 0) -> list[Batch]:
    here = Place(torch.device("cpu"), rank, world)
    with Ahead(numbered(), 4, seed=3, here=here, workers=workers) as ahead:
        return [ahead.take(step) for step in range(6)]


def test_a_thread_and_processes_give_the_same_batches() -> None:
    assert [labels(batch) for batch in taken(0)] == [labels(batch) for batch in taken(2)]


def test_two_ranks_share_out_what_one_would_take() -> None:
    alone = [label for batch in taken(0) for label in labels(batch)]
    shared = [label for step in range(3) for rank in range(2) for label in labels(taken(0, 2, rank)[step])]
    assert shared == alone


def labels(batch: Batch) -> list[int]:
    assert batch.labels is not None
    return [int(label) for label in batch.labels]
