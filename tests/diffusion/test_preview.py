"""Glimpses of latents without decoding them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from figment.diffusion.preview import Preview
from figment.pixels.arrays import from_signed

MATRIX = torch.tensor([[0.3, -0.2, 0.5], [0.1, 0.4, 0.2], [-0.6, 0.1, 0.3], [0.2, 0.2, -0.4]])
SHIFT = torch.tensor([0.1, -0.3, 0.2, 0.0])


class Linear:
    """An autoencoder whose latents are a linear function of the mean colour of 8x8 pixels."""

    def encode(self, pictures: Tensor) -> Tensor:
        means = torch.nn.functional.avg_pool2d(pictures, 8)
        return torch.einsum("lc,bchw->blhw", MATRIX, means) + SHIFT[:, None, None]

    def decode(self, latents: Tensor) -> Tensor:
        raise AssertionError("a preview must not decode")


@pytest.fixture(scope="module")
def preview() -> Preview:
    return Preview(Linear())


def test_colours_are_those_of_the_latents(preview: Preview) -> None:
    colours = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9
    latents = Linear().encode(colours.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3))[0]
    glimpse = preview(latents)
    assert glimpse.shape == (4, 6, 3)
    assert np.abs(glimpse.astype(int) - from_signed(colours[0].numpy()).astype(int)).max() <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_wild_latents_give_a_picture_too(preview: Preview, value: float) -> None:
    assert preview(torch.full((4, 3, 5), value)).shape == (3, 5, 3)


def test_channels_that_say_the_same_are_no_trouble() -> None:
    class Grey(Linear):
        def encode(self, pictures: Tensor) -> Tensor:
            return torch.nn.functional.avg_pool2d(pictures, 8).mean(dim=1, keepdim=True).expand(-1, 4, -1, -1)

    preview = Preview(Grey())
    assert preview(torch.full((4, 2, 2), 0.9)).mean() > 200
    assert preview(torch.full((4, 2, 2), -0.9)).mean() < 55
