import pytest
import torch

from figment.metrics.intervals import wilson
from figment.metrics.nearest import nearest_distances


# Newcombe 1998 (Statistics in Medicine 17), table I, method 3
@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_is_the_published_one(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


def test_nearest_distance_is_that_of_the_closest_reference() -> None:
    references = torch.zeros(5000, 2)
    references[:, 0] = torch.arange(5000.0)
    queries = torch.tensor([[4321.0, 0.0], [7.5, 0.0], [-3.0, 4.0]])
    assert nearest_distances(queries, references).tolist() == pytest.approx([0.0, 0.5, 5.0])
