"""What the tests of families share."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from figment.core.model import GenerativeModel
from figment.nn.pixelwise import PixelModel

__all__ = ["lively", "reach"]


@pytest.fixture
def lively() -> Callable[[GenerativeModel[Any]], None]:
    """Moves every weight of a model away from where layers start."""

    def stir(model: GenerativeModel[Any]) -> None:
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))

    return stir


@pytest.fixture
def reach() -> Callable[[PixelModel[Any], int, int], set[tuple[int, int]]]:
    """Which pixels weigh on what is said of the one in a row and a column."""

    def seen(model: PixelModel[Any], row: int, column: int) -> set[tuple[int, int]]:
        images = torch.randn(1, *model.image_shape, requires_grad=True)
        (slope,) = torch.autograd.grad(model.said(images, None)[0, :, row, column].sum(), images)
        weighs = slope[0].abs().sum(dim=0) > 0
        return {(int(r), int(c)) for r, c in weighs.nonzero()}

    return seen
