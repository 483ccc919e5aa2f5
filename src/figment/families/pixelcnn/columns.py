"""Sampling with what the network has already worked out kept: a pixel costs one column of work, not a whole picture.

The stack that reads the rows above is run once for each row, the one that reads to the left once for each pixel; both
keep what the next row and the next pixel need (Ramachandran et al. 2017, Fast Generation for Convolutional
Autoregressive Models). The loops are compiled: tensor operations on a single pixel would spend their time on being
called. Pictures are those of the plain way, which runs the whole network for each pixel.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from figment.families.pixelcnn.network import ROWS, SIDEWAYS, Gated, Network
from figment.nn.pixel_draws import CODES, chances, draw
from figment.nn.pixel_likelihood import Likelihood
from figment.nn.pixelwise import Drawing

__all__ = ["Columns"]

Floats = NDArray[np.float32]
WIDE = 2 * SIDEWAYS + 1
LOG_2, LOG2_E = np.float32(np.log(2)), np.float32(1 / np.log(2))


class _Weights(NamedTuple):
    """All of a network, each matrix (inputs, outputs), those of equal layers stacked."""

    rows_in: Floats
    rows_in_bias: Floats
    left_in: Floats
    left_in_bias: Floats
    places: Floats  # (H, W, 2C)
    rows: Floats  # (L, 6C, 2C): taps of the row above, then of this row
    rows_bias: Floats
    left: Floats  # (L, 2C, 2C)
    left_bias: Floats
    link: Floats
    out: Floats
    out_bias: Floats
    attends: NDArray[np.int64]  # (L,): number of the attention after a layer, or -1
    heads: int
    qkv: Floats
    qkv_bias: Floats
    mixed: Floats
    mixed_bias: Floats
    hidden: Floats
    hidden_bias: Floats
    said: Floats
    said_bias: Floats


class _Memory(NamedTuple):
    """What is kept of one picture while it is drawn."""

    picture: Floats  # (ROWS + H, SIDEWAYS + W + SIDEWAYS, channels), edged with zeros
    known: NDArray[np.bool_]  # (H, W): pixels that are given
    chance: Floats  # (H, W, numbers of a draw)
    condition: Floats  # (L, 4C)
    above: Floats  # (L, 2, W + 2, C): the row before and this one, going into each layer
    link: Floats  # (L, W, 2C): what the stack of rows tells the other one
    places: Floats  # (W, C): where this row's pixels are, for the stack that reads to the left
    left: Floats  # (L, W + 1, C): this row, going into each layer
    keys: Floats  # (A, H * W, C)
    values: Floats


class Columns(Drawing):
    """A batch of pictures, drawn by compiled code."""

    def __init__(
        self, network: Network, likelihood: Likelihood, chance: Tensor, condition: Tensor | None, known: Tensor | None
    ) -> None:
        """`chance` (B, H, W, 1 + C) is uniform in [0, 1); `known` (B, C, H, W) holds given pixels, NaN elsewhere."""
        self.code = CODES[likelihood]
        self.weights = _packed(network)
        batch, _, self.width, numbers = chance.shape
        assert numbers == chances(network.rows_in.in_channels)
        conditions = _conditions(network, condition, batch)
        given = [None] * batch if known is None else list(known.permute(0, 2, 3, 1).float().cpu().numpy())
        self.memories = [
            _blank(self.weights, chance[number].float().cpu().numpy(), conditions[number], given[number])
            for number in range(batch)
        ]

    def advance(self, row: int) -> None:
        """Draw row number `row` of every picture; rows must come in order."""
        if len(self.memories) == 1:
            _draw_row(self.weights, self.memories[0], self.code, row)
            return
        with ThreadPoolExecutor(min(len(self.memories), torch.get_num_threads())) as pool:
            list(pool.map(lambda memory: _draw_row(self.weights, memory, self.code, row), self.memories))

    def pictures(self) -> Tensor:
        """What has been drawn so far, (B, C, H, W) in [-1, 1]; zeros where nothing has."""
        inner = [memory.picture[ROWS:, SIDEWAYS : SIDEWAYS + self.width] for memory in self.memories]
        return torch.from_numpy(np.stack(inner)).permute(0, 3, 1, 2).contiguous()


def _packed(network: Network) -> _Weights:
    gated = [layer for layer in network.layers if isinstance(layer, Gated)]

    def matrix(layer: torch.nn.Module) -> Floats:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        flat = weight.detach().float().permute(2, 3, 1, 0).reshape(-1, len(weight))  # (taps * inputs, outputs)
        return np.ascontiguousarray(flat.cpu().numpy())

    def bias(layer: torch.nn.Module) -> Floats:
        values = layer.bias
        assert isinstance(values, Tensor)
        return values.detach().float().cpu().numpy().copy()

    def stacked(parts: list[Floats], shape: tuple[int, ...]) -> Floats:
        return np.stack(parts) if parts else np.zeros((0, *shape), np.float32)

    attentions = list(network.attention)
    places = (network.down + network.across).detach()[0].float().permute(1, 2, 0)
    width = network.hidden.in_channels
    return _Weights(
        rows_in=matrix(network.rows_in),
        rows_in_bias=bias(network.rows_in),
        left_in=matrix(network.left_in),
        left_in_bias=bias(network.left_in),
        places=np.ascontiguousarray(places.cpu().numpy()),
        rows=np.stack([matrix(layer.rows) for layer in gated]),
        rows_bias=np.stack([bias(layer.rows) for layer in gated]),
        left=np.stack([matrix(layer.left) for layer in gated]),
        left_bias=np.stack([bias(layer.left) for layer in gated]),
        link=np.stack([matrix(layer.link) for layer in gated]),
        out=np.stack([matrix(layer.out) for layer in gated]),
        out_bias=np.stack([bias(layer.out) for layer in gated]),
        attends=np.array([network.attends.index(n) if n in network.attends else -1 for n in range(len(gated))]),
        heads=network.heads,
        qkv=stacked([matrix(one.qkv) for one in attentions], (width, 3 * width)),  # type: ignore[arg-type]
        qkv_bias=stacked([bias(one.qkv) for one in attentions], (3 * width,)),  # type: ignore[arg-type]
        mixed=stacked([matrix(one.out) for one in attentions], (width, width)),  # type: ignore[arg-type]
        mixed_bias=stacked([bias(one.out) for one in attentions], (width,)),  # type: ignore[arg-type]
        hidden=matrix(network.hidden),
        hidden_bias=bias(network.hidden),
        said=matrix(network.out),
        said_bias=bias(network.out),
    )


def _conditions(network: Network, condition: Tensor | None, batch: int) -> Floats:
    """What the condition adds in every layer, (B, L, 4C); zeros without one."""
    gated = [layer for layer in network.layers if isinstance(layer, Gated)]
    if condition is None:
        return np.zeros((batch, len(gated), 4 * network.hidden.in_channels), np.float32)
    parts = [layer.condition(condition) for layer in gated if layer.condition is not None]
    return np.ascontiguousarray(torch.stack(parts, dim=1).detach().float().cpu().numpy())


def _blank(weights: _Weights, chance: Floats, condition: Floats, given: Floats | None) -> _Memory:
    height, width = chance.shape[:2]
    channels = len(weights.left_in) // SIDEWAYS
    layers, attentions, features = len(weights.rows), len(weights.qkv), len(weights.left_in_bias)
    picture = np.zeros((ROWS + height, width + 2 * SIDEWAYS, channels), np.float32)
    known = np.zeros((height, width), np.bool_)
    if given is not None:
        known[:] = ~np.isnan(given).any(axis=2)
        picture[ROWS:, SIDEWAYS : SIDEWAYS + width] = np.where(known[..., None], given, 0)
    return _Memory(
        picture,
        known,
        np.ascontiguousarray(chance),
        condition,
        np.zeros((layers, 2, width + 2, features), np.float32),
        np.zeros((layers, width, 2 * features), np.float32),
        np.zeros((width, features), np.float32),
        np.zeros((layers, width + 1, features), np.float32),
        np.zeros((attentions, height * width, features), np.float32),
        np.zeros((attentions, height * width, features), np.float32),
    )


# Compiled from here on. `contract` lets a product and a sum be one instruction; sums keep their order.


@njit(cache=True, nogil=True, fastmath={"contract"})
def _draw_row(weights: _Weights, memory: _Memory, kind: int, row: int) -> None:
    _read_above(weights, memory, row)
    memory.left[:, 0] = 0
    for column in range(memory.known.shape[1]):
        said = _say(weights, memory, row, column)
        if not memory.known[row, column]:
            draw(kind, said, memory.chance[row, column], memory.picture[ROWS + row, SIDEWAYS + column])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _read_above(weights: _Weights, memory: _Memory, row: int) -> None:
    """The stack of rows, for the whole of row number `row`."""
    width = memory.known.shape[1]
    features = weights.out_bias.shape[1]
    across = memory.picture.shape[2] * WIDE
    now = np.empty((width, features), np.float32)
    for column in range(width):
        now[column] = weights.rows_in_bias + weights.places[row, column, :features]
        for up in range(ROWS):
            taps = memory.picture[row + up, column : column + WIDE].reshape(-1)
            _add(now[column], taps, weights.rows_in[up * across : (up + 1) * across])
        memory.places[column] = weights.places[row, column, features:]
    heard = np.empty((width, 2 * features), np.float32)
    for layer in range(weights.rows.shape[0]):
        memory.above[layer, 0] = memory.above[layer, 1]
        memory.above[layer, 1, 1 : width + 1] = now
        if row == 0:
            memory.above[layer, 0] = 0
        for column in range(width):
            heard[column] = weights.rows_bias[layer] + memory.condition[layer, : 2 * features]
        for line in range(2):
            taps = 3 * features
            _add_all(heard, memory.above[layer, line], taps, weights.rows[layer, line * taps : (line + 1) * taps])
        # The other stack hears the rows before the condition is added, and has a condition of its own.
        for column in range(width):
            memory.link[layer, column] = weights.left_bias[layer] + memory.condition[layer, 2 * features :]
        bare = heard - memory.condition[layer, : 2 * features]
        _add_all(memory.link[layer], bare, 2 * features, weights.link[layer])
        for column in range(width):
            _add_gated(now[column], heard[column])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _say(weights: _Weights, memory: _Memory, row: int, column: int) -> Floats:
    """What the network says of one pixel."""
    features = weights.out_bias.shape[1]
    now = weights.left_in_bias + memory.places[column]
    _add(now, memory.picture[ROWS + row, column : column + SIDEWAYS].reshape(-1), weights.left_in)
    for layer in range(weights.left.shape[0]):
        memory.left[layer, column + 1] = now
        heard = memory.link[layer, column].copy()
        _add(heard, memory.left[layer, column : column + 2].reshape(-1), weights.left[layer])
        opened = np.zeros(features, np.float32)
        _add_gated(opened, heard)
        now += weights.out_bias[layer]
        _add(now, opened, weights.out[layer])
        if weights.attends[layer] >= 0:
            _attend(weights, memory, weights.attends[layer], row * memory.known.shape[1] + column, now)
    hidden = weights.hidden_bias.copy()
    _add(hidden, np.maximum(now, np.float32(0)), weights.hidden)
    said = weights.said_bias.copy()
    _add(said, np.maximum(hidden, np.float32(0)), weights.said)
    return said


@njit(cache=True, nogil=True, fastmath={"contract"})
def _attend(weights: _Weights, memory: _Memory, number: int, place: int, now: Floats) -> None:
    """Add to `now` what pixel number `place` finds among all up to itself."""
    features = now.shape[0]
    joined = weights.qkv_bias[number].copy()
    _add(joined, now, weights.qkv[number])
    memory.keys[number, place] = joined[features : 2 * features]
    memory.values[number, place] = joined[2 * features :]
    size = features // weights.heads
    scale = np.float32(1.0 / np.sqrt(size))
    found = np.zeros(features, np.float32)
    scores = np.empty(place + 1, np.float32)
    for start in range(0, features, size):
        for other in range(place + 1):
            score = np.float32(0)
            for feature in range(start, start + size):
                score += joined[feature] * memory.keys[number, other, feature]
            scores[other] = score * scale
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        for other in range(place + 1):
            for feature in range(start, start + size):
                found[feature] += shares[other] * memory.values[number, other, feature]
    now += weights.mixed_bias[number]
    _add(now, found, weights.mixed[number])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add(total: Floats, inputs: Floats, matrix: Floats) -> None:
    """total (N,) += inputs (M,) @ matrix (M, N); four inputs at a time, so that `total` is read and written less."""
    count = inputs.shape[0]
    for first in range(0, count - 3, 4):
        a, b, c, d = inputs[first], inputs[first + 1], inputs[first + 2], inputs[first + 3]
        for output in range(total.shape[0]):
            total[output] += (
                a * matrix[first, output]
                + b * matrix[first + 1, output]
                + c * matrix[first + 2, output]
                + d * matrix[first + 3, output]
            )
    for first in range(count - count % 4, count):
        for output in range(total.shape[0]):
            total[output] += inputs[first] * matrix[first, output]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_all(totals: Floats, inputs: Floats, taps: int, matrix: Floats) -> None:
    """The same for a row of pixels: `taps` inputs from each pixel's place in `inputs` (W, C) on, which may overlap.

    Four pixels share what is read of the matrix.
    """
    features = inputs.shape[1]
    flat = inputs.reshape(-1)
    width, many = totals.shape
    for column in range(0, width - 3, 4):
        first = column * features
        second, third, fourth = first + features, first + 2 * features, first + 3 * features
        for tap in range(0, taps, 2):  # features are even
            a, b, c, d = flat[first + tap], flat[second + tap], flat[third + tap], flat[fourth + tap]
            e, f, g, h = flat[first + tap + 1], flat[second + tap + 1], flat[third + tap + 1], flat[fourth + tap + 1]
            for output in range(many):
                one, two = matrix[tap, output], matrix[tap + 1, output]
                totals[column, output] += a * one + e * two
                totals[column + 1, output] += b * one + f * two
                totals[column + 2, output] += c * one + g * two
                totals[column + 3, output] += d * one + h * two
    for column in range(width - width % 4, width):
        _add(totals[column], flat[column * features : column * features + taps], matrix)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_gated(total: Floats, heard: Floats) -> None:
    """total (C,) += tanh of the first half of heard (2C,) times the sigmoid of the second. Overwrites heard.

    With p = exp(-2a) and q = exp(-b) that is (1 - p) / ((1 + p) (1 + q)). The exponentials are powers of two, whole
    part in the exponent's bits and the rest by its series to the seventh term: loops that use the processor's vectors.
    """
    width = total.shape[0]
    whole = np.empty(2 * width, np.int32)
    for feature in range(2 * width):
        bound = min(max(heard[feature], np.float32(-15)), np.float32(15))
        power = bound * (-2 * LOG2_E if feature < width else -LOG2_E)
        floor = np.floor(power + np.float32(0.5))
        rest = (power - floor) * LOG_2
        series = np.float32(1 / 5040)
        for divisor in (720, 120, 24, 6, 2, 1, 1):
            series = series * rest + np.float32(1 / divisor)
        heard[feature] = series
        whole[feature] = (np.int32(floor) + np.int32(127)) << np.int32(23)
    scale = whole.view(np.float32)
    for feature in range(width):
        p = heard[feature] * scale[feature]
        q = heard[width + feature] * scale[width + feature]
        total[feature] += (np.float32(1) - p) / ((np.float32(1) + p) * (np.float32(1) + q))
