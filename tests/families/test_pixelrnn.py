"""PixelRNN: what a pixel sees, and that sampling with the states of the row above is the plain way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families.pixelrnn import TINY, Config, Model, skew, unskew
from figment.nn.pixelwise import PixelModel, plainly

DIAGONAL = replace(TINY, likelihood="binary")
ROW = replace(DIAGONAL, scan="row")


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_skewing_moves_every_row_by_one_place_more() -> None:
    x = torch.arange(1.0, 13).view(3, 4, 1)
    expected = [[1, 2, 3, 4, 0, 0], [0, 5, 6, 7, 8, 0], [0, 0, 9, 10, 11, 12]]
    assert skew(x)[..., 0].tolist() == expected
    assert torch.equal(unskew(skew(x)), x)


@pytest.mark.parametrize("config", [DIAGONAL, ROW])
def test_no_pixel_sees_itself_or_a_later_one_and_the_last_sees_the_first(
    config: Config,
    lively: Callable[[Model], None],
    reach: Callable[[PixelModel[Any], int, int], set[tuple[int, int]]],
) -> None:
    model = Model(config).eval()
    lively(model)
    for pixel in ((0, 0), (4, 3), (7, 7)):
        seen = reach(model, *pixel)
        assert all(other < pixel for other in seen)
    assert (0, 0) in seen
    assert len(reach(model, 4, 3)) >= 4 * 8 + 3 - 1  # all but the last pixel of the row above


@pytest.mark.parametrize("config", [DIAGONAL, ROW, TINY, replace(TINY, scan="row", channels=3)])
def test_sampling_with_states_kept_gives_the_pictures_of_the_plain_way(
    config: Config, lively: Callable[[Model], None]
) -> None:
    model = Model(config).eval()
    lively(model)
    request = SampleRequest(2)
    quick, plain = (finish(way) for way in (model.sample(request, seeded()), plainly(model, request, seeded())))
    assert torch.equal(quick, plain)
    mask = torch.zeros(1, 1, 8, 8)
    mask[:, :, 4:] = 1
    completed = replace(request, init=quick[:1], mask=mask)
    again, plain = (finish(way) for way in (model.sample(completed, seeded(9)), plainly(model, completed, seeded(9))))
    assert torch.equal(again, plain)
    assert torch.equal(again[0, :, :4], quick[0, :, :4])
