"""PixelRNN: a picture is written pixel by pixel by a recurrent network that remembers all earlier pixels.

Diagonal BiLSTM and, as the preset "row", Row LSTM (van den Oord et al. 2016, Pixel Recurrent Neural Networks).

Loss: -log p(x_i | x_1 ... x_i-1), summed over pixels; it is the likelihood itself and no bound. Known weakness: both
training and sampling go step by step, a diagonal or a row after the other, and cannot be done all at once. Remedy:
PixelCNN, whose training sees the whole picture in one pass; sampling here keeps the states of the row before.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu
from torch.optim import AdamW, Optimizer

from figment.core.config import Field, config
from figment.nn.pixel_draws import CODES, draw
from figment.nn.pixel_likelihood import Likelihood, outputs
from figment.nn.pixelwise import Drawing, PixelModel

__all__ = ["PRESETS", "TINY", "Config", "Model"]

ROWS, SIDEWAYS = 3, 3
"""Pixels that the first layer sees upwards, and to either side: the causal half of 7 x 7."""


@config
class Config:
    """What a pixel is, and the network."""

    image_size: Annotated[int, Field(ge=2, le=256)] = 32
    """Side of the pictures in pixels."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    likelihood: Likelihood = "mixture"
    """How a pixel is told: black or white, one of 256 greys, or a mixture over 8-bit values."""
    scan: Literal["diagonal", "row"] = "diagonal"
    """Diagonal BiLSTM, which sees all earlier pixels (but the last one of the row above, as in the paper), or Row LSTM,
    which sees the rows above in a triangle."""
    width: Annotated[int, Field(ge=4, le=512)] = 32
    """Numbers in the state of a pixel, in each direction; features are twice as many."""
    layers: Annotated[int, Field(ge=1, le=16)] = 2
    """Recurrent layers."""
    hidden: Annotated[int, Field(ge=8, le=1024)] = 64
    """Channels of the layer before the last."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 3e-3
    """Peak learning rate."""


PRESETS: Mapping[str, Config] = {
    "binary": Config(likelihood="binary"),
    "row": Config(scan="row"),
    "row-binary": Config(scan="row", likelihood="binary"),
}
"""Named configurations: for black and white pictures, and Row LSTM."""

TINY = Config(image_size=8, channels=1, width=8, layers=2, hidden=8)


class Model(PixelModel[Config]):
    """First a convolution that sees nearby pixels, then recurrent layers, then two that look at one pixel."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        features = 2 * config.width
        self.rows_in = nn.Conv2d(config.channels, features, (ROWS, 2 * SIDEWAYS + 1))
        self.left_in = nn.Conv2d(config.channels, features, (1, SIDEWAYS), bias=False)
        layer = DiagonalLayer if config.scan == "diagonal" else RowLayer
        self.recurrent = [layer(config.width) for _ in range(config.layers)]
        self.layers = nn.ModuleList(self.recurrent)
        self.hidden = nn.Linear(features, config.hidden)
        self.out = nn.Linear(config.hidden, outputs(config.likelihood, config.channels))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    @property
    def likelihood(self) -> Likelihood:
        return self.config.likelihood

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        rate = self.config.learning_rate
        return {"model": AdamW(self.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)}

    def said(self, images: Tensor, wanted: Tensor | None) -> Tensor:
        above = self.rows_in(pad(images, (SIDEWAYS, SIDEWAYS, ROWS, 0)))[:, :, :-1]
        x = (above + self.left_in(pad(images, (SIDEWAYS, 0, 0, 0)))[..., :-1]).permute(0, 2, 3, 1)
        for layer in self.layers:
            x = layer(x)
        return self.told(x).permute(0, 3, 1, 2)

    def told(self, features: Tensor) -> Tensor:
        """What is said (..., K), float32, of pixels with `features` (..., 2h)."""
        said: Tensor = self.out(relu(self.hidden(relu(features))))
        return said.float()

    def begin(self, chance: Tensor, wanted: Tensor | None, known: Tensor | None) -> Drawing:
        return _Drawing(self if self.device.type == "cpu" else deepcopy(self).cpu(), chance, known)


def cell(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """State and memory (..., h) of an LSTM (eq. 3), from the sums (..., 4h) that its gates take."""
    output, forget, take, content = gates.chunk(4, dim=-1)
    memory = forget.sigmoid() * memory + take.sigmoid() * content.tanh()
    return output.sigmoid() * memory.tanh(), memory


class RowLayer(nn.Module):
    """Row LSTM: from the top row down, a pixel's state follows from those of three pixels above it (section 3.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.input = nn.Linear(4 * width, 4 * width)  # from the features of the left neighbour and the pixel itself
        self.state = nn.Linear(3 * width, 4 * width, bias=False)
        self.up = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, H, W, 2h) to the same."""
        inputs = self.input(torch.cat([pad(x, (0, 0, 1, 0))[:, :, :-1], x], dim=3))
        state = memory = x.new_zeros(len(x), x.shape[2], self.width)
        states = []
        for row in inputs.unbind(1):
            state, memory = cell(row + self.heard(state), memory)
            states.append(state)
        out: Tensor = x + self.up(torch.stack(states, dim=1))
        return out

    def heard(self, state: Tensor) -> Tensor:
        """What the pixels of a row (B, W, 4h) hear from the states (B, W, h) of the row above."""
        edged = pad(state, (0, 0, 1, 1))
        heard: Tensor = self.state(torch.cat([edged[:, :-2], state, edged[:, 2:]], dim=2))
        return heard

    def drawing(self, batch: int, side: int) -> "_RowMemory":
        """The layer's memory of a batch while it is drawn."""
        return _RowMemory(self, batch, side)


class DiagonalLayer(nn.Module):
    """Diagonal BiLSTM: two scans from the upper corners; a state follows from those beside and above (section 3.2).

    Rows are skewed so that a diagonal becomes a column, and all its pixels, in both directions, are one matrix product.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.input = nn.Linear(2 * width, 8 * width)  # both directions
        bound = (2 * width) ** -0.5
        self.state = nn.Parameter(torch.empty(2, 2 * width, 4 * width).uniform_(-bound, bound))  # above, then beside
        self.up = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, H, W, 2h) to the same."""
        leftward, rightward = self.input(x).chunk(2, dim=3)
        inputs = skew(torch.stack([leftward, rightward.flip(2)]))  # (2, B, H, W + H - 1, 4h)
        states = unskew(torch.stack(list(self._scan(inputs)), dim=3))
        rightward = pad(states[1].flip(2), (0, 0, 0, 0, 1, 0))[:, :-1]  # a row down: its own row holds later pixels
        out: Tensor = x + self.up(states[0] + rightward)
        return out

    def _scan(self, inputs: Tensor) -> Iterator[Tensor]:
        """States (2, B, H, h) of each diagonal in turn."""
        state = memory = inputs.new_zeros(*inputs.shape[:3], self.width)
        for diagonal in inputs.unbind(3):
            above = pad(state, (0, 0, 1, 0))[:, :, :-1]
            state, memory = cell(diagonal + self.heard(torch.cat([above, state], dim=3)), memory)
            yield state

    def heard(self, states: Tensor) -> Tensor:
        """What pixels (2, ..., 4h) hear from the states (2, ..., 2h) above and beside them, in each direction."""
        return torch.bmm(states.flatten(1, -2), self.state).view(*states.shape[:-1], -1)

    def drawing(self, batch: int, side: int) -> "_DiagonalMemory":
        """The layer's memory of a batch while it is drawn."""
        return _DiagonalMemory(self, batch, side)


def skew(x: Tensor) -> Tensor:
    """(..., H, W, C) to (..., H, W + H - 1, C): each row begins one place further right than the one above it."""
    height, width = x.shape[-3:-1]
    flat = pad(x, (0, 0, 0, height)).flatten(-3, -2)
    across = width + height - 1
    return flat[..., : height * across, :].reshape(*x.shape[:-2], across, x.shape[-1])


def unskew(x: Tensor) -> Tensor:
    """Undoes `skew`."""
    height, across = x.shape[-3:-1]
    flat = pad(x.flatten(-3, -2), (0, 0, 0, height))
    return flat.view(*x.shape[:-2], across + 1, x.shape[-1])[..., : across + 1 - height, :]


# Sampling: a pixel takes its own cell of every layer, given the states of the row above and of its left neighbour.


class _RowMemory:
    def __init__(self, layer: RowLayer, batch: int, side: int) -> None:
        self.layer = layer
        self.states, self.memories = torch.zeros(2, batch, side, layer.width).unbind(0)
        self.inputs = torch.zeros(batch, side + 1, 2 * layer.width)

    def begin_row(self) -> None:
        self.heard = self.layer.heard(self.states)
        self.states = self.states.clone()

    def pixel(self, column: int, features: Tensor) -> Tensor:
        self.inputs[:, column + 1] = features
        inputs = self.layer.input(self.inputs[:, column : column + 2].flatten(1))
        state, memory = cell(inputs + self.heard[:, column], self.memories[:, column])
        self.states[:, column], self.memories[:, column] = state, memory
        out: Tensor = features + self.layer.up(state)
        return out


class _DiagonalMemory:
    def __init__(self, layer: DiagonalLayer, batch: int, side: int) -> None:
        self.layer = layer
        self.states, self.memories = torch.zeros(2, 2, batch, side + 2, layer.width).unbind(0)  # edged with zeros
        self.inputs = torch.zeros(batch, side, 2 * layer.width)
        self.begun = False

    def begin_row(self) -> None:
        """Scan the row that has just been drawn from the right, which could not be done before it was whole."""
        if self.begun:
            inputs = self.layer.input(self.inputs)[..., 4 * self.layer.width :]
            for column in reversed(range(inputs.shape[1])):
                self._step(1, column, column + 2, inputs[:, column])
        self.begun = True

    def pixel(self, column: int, features: Tensor) -> Tensor:
        self.inputs[:, column] = features
        inputs = self.layer.input(features)[:, : 4 * self.layer.width]
        state = self._step(0, column, column, inputs)
        out: Tensor = features + self.layer.up(state + self.states[1][:, column + 1])
        return out

    def _step(self, direction: int, column: int, beside: int, inputs: Tensor) -> Tensor:
        """Replace the state of the row above by that of this row, in one place."""
        states, memories = self.states[direction], self.memories[direction]
        heard = torch.cat([states[:, column + 1], states[:, beside]], dim=1) @ self.layer.state[direction]
        # An LSTM keeps the memory of the pixel beside it.
        states[:, column + 1], memories[:, column + 1] = cell(inputs + heard, memories[:, beside])
        return states[:, column + 1]


class _Drawing(Drawing):
    def __init__(self, model: Model, chance: Tensor, known: Tensor | None) -> None:
        self.model, self.chance = model, chance.numpy()
        batch, side = chance.shape[:2]
        self.canvas = torch.zeros(batch, ROWS + side, side + 2 * SIDEWAYS, model.config.channels)
        self.anew = torch.ones(batch, side, side, dtype=torch.bool)
        if known is not None:
            given = known.permute(0, 2, 3, 1).cpu()
            self.anew = given.isnan().any(dim=3)
            self.pictures_in_place().copy_(given.nan_to_num(0.0))
        self.memories = [layer.drawing(batch, side) for layer in model.recurrent]

    def pictures_in_place(self) -> Tensor:
        return self.canvas[:, ROWS:, SIDEWAYS:-SIDEWAYS]

    def pictures(self) -> Tensor:
        return self.pictures_in_place().permute(0, 3, 1, 2).contiguous()

    def advance(self, row: int) -> None:
        for memory in self.memories:
            memory.begin_row()
        for column in range(self.anew.shape[2]):
            said = self.model.told(self._features(row, column)).numpy()
            for number, numbers in enumerate(said):
                if self.anew[number, row, column]:
                    pixel = self.canvas[number, ROWS + row, SIDEWAYS + column].numpy()
                    draw(CODES[self.model.likelihood], numbers, self.chance[number, row, column], pixel)

    def _features(self, row: int, column: int) -> Tensor:
        """Features (B, 2h) of one pixel after the last layer."""
        model = self.model
        above = self.canvas[:, row : row + ROWS, column : column + 2 * SIDEWAYS + 1].permute(0, 3, 1, 2)
        left = self.canvas[:, ROWS + row, None, column : column + SIDEWAYS].permute(0, 3, 1, 2)
        x: Tensor = (model.rows_in(above) + model.left_in(left)).flatten(1)
        for memory in self.memories:
            x = memory.pixel(column, x)
        return x
