"""Shapes of known factors: complete, distinct, and as their factors say."""

import numpy as np
import pytest
import torch

from figment.core.errors import InputError
from figment.data.datasets import open_dataset
from figment.data.factors import COUNTS, Factors


def centre(image: torch.Tensor) -> tuple[float, float]:
    """Column and row of the middle of what is white."""
    rows, columns = (image[0] > 0).nonzero(as_tuple=True)
    return float(columns.float().mean()), float(rows.float().mean())


def test_the_two_splits_share_no_picture_and_hold_all_together() -> None:
    train, test = Factors(16), Factors(16, held_out=True)
    assert len(train) + len(test) == np.prod(COUNTS)
    seen, unseen = (
        {tuple(row) for row in split.batch(0, 2000).vectors.int().tolist()}  # type: ignore[union-attr]  # it has them
        for split in (train, test)
    )
    assert not seen & unseen
    assert len(seen) == len(unseen) == 2000


def test_factors_do_what_they_say() -> None:
    shapes = Factors(64)

    def images(*rows: tuple[int, ...]) -> torch.Tensor:
        found = shapes.of(np.array(rows)).images
        assert found is not None
        return found

    left, right, low = images((0, 5, 0, 0, 16), (0, 5, 0, 31, 16), (0, 5, 0, 0, 31))
    assert centre(right)[0] > centre(left)[0] + 20
    assert abs(centre(right)[1] - centre(left)[1]) < 1
    assert centre(low)[1] > centre(left)[1] + 10
    areas = [float((image > 0).sum()) for image in images(*((2, size, 3, 16, 16) for size in range(6)))]
    assert areas == sorted(areas)
    assert areas[5] > 3 * areas[0]
    ellipse, turned = images((1, 5, 0, 16, 16), (1, 5, 10, 16, 16))  # a quarter turn
    wide, high = ((image[0] > 0).any(dim=0).sum() for image in (ellipse, turned))
    assert float(wide) == pytest.approx(2 * float(high), abs=2)
    assert len({image.numpy().tobytes() for image in images(*((shape, 5, 4, 16, 16) for shape in range(3)))}) == 3
    assert {float(value) for value in ellipse.flatten()} == {-1.0, 1.0}


def test_nothing_is_cut_off_at_the_border() -> None:
    corners = [(shape, 5, turn, x, y) for shape in range(3) for turn in (0, 5, 13) for x in (0, 31) for y in (0, 31)]
    images = Factors(64).of(np.array(corners)).images
    assert images is not None
    for edge in (images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]):
        assert float(edge.max()) == -1


def test_it_is_opened_by_its_name() -> None:
    assert open_dataset("factors").image_shape == (1, 64, 64)
    assert len(open_dataset("factors", 32, split="test")) == np.prod(COUNTS) // 10
    with pytest.raises(InputError, match="at least 16 are needed"):
        open_dataset("factors", 8)
