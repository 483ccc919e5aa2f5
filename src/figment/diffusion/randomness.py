"""The random numbers of a picture, drawn as AUTOMATIC1111 draws them, so that published settings make it again.

Each picture of a batch has generators of its own: made alone or among others, it is the same. The first noise comes
from the seed, mixed with that of a second seed if wanted; what stochastic samplers add later comes from the same
generator, or from one whose seed is shifted by "ENSD". Samplers of stochastic differential equations draw a Brownian
path, whose values do not depend on the steps taken along it.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Literal, Protocol

import torch
import torchsde
from torch import Tensor
from torchsde._brownian import brownian_interval

from figment.diffusion.philox import Philox

__all__ = ["NoiseSource", "Seeds", "Source", "between"]

Source = Literal["nv", "cpu"]
"""Whose numbers: those of an NVIDIA GPU, which most published pictures were made on, or of PyTorch on a CPU."""
ALMOST_ALIKE = 0.9995


class _Generator(Protocol):
    def randn(self, *shape: int) -> Tensor: ...


class _Cpu:
    """PyTorch's generator with the interface of `Philox`."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def randn(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator)


@dataclass(frozen=True)
class Seeds:
    """What fixes the noise of one picture."""

    seed: int
    subseed: int = 0
    strength: float = 0.0
    """How far towards the noise of `subseed`, 0 to 1."""
    delta: int = 0
    """Called ENSD: added to the seed for all noise but the first; 0 goes on with the same generator."""
    resized_from: tuple[int, int] | None = None
    """Height and width of latents whose noise is to be kept in the middle of these."""


class NoiseSource:
    """The noise of a batch of pictures with latents of one `shape` (C, h, w)."""

    def __init__(self, seeds: Sequence[Seeds], shape: tuple[int, int, int], source: Source = "nv") -> None:
        self.seeds, self.shape, self.source = tuple(seeds), shape, source
        self.generators = [self._generator(one.seed) for one in seeds]
        self.brownian: list[_Brownian] = []

    def first(self) -> Tensor:
        """Unit normal noise (B, C, h, w) that the pictures start from; to be called once."""
        noise = torch.stack([self._first(*pair) for pair in zip(self.seeds, self.generators, strict=True)])
        for number, one in enumerate(self.seeds):
            if one.delta:
                self.generators[number] = self._generator(one.seed + one.delta)
        return noise

    def next(self, _now: float = 0.0, _after: float = 0.0) -> Tensor:
        """Fresh unit normal noise (B, C, h, w)."""
        return torch.stack([generator.randn(*self.shape) for generator in self.generators])

    def along(self, sigmas: Sequence[float]) -> None:
        """Prepare Brownian paths between the levels of `sigmas`, for `increment`."""
        levels = [sigma for sigma in sigmas if sigma > 0]
        ends = min(levels), max(levels)
        self.brownian = [_Brownian(one.seed, self.shape, *ends, self._generator) for one in self.seeds]

    def increment(self, now: float, after: float) -> Tensor:
        """Unit normal noise (B, C, h, w): how far Brownian paths go between two levels, over the root of the way."""
        return torch.stack([path.increment(now, after) for path in self.brownian])

    def _generator(self, seed: int) -> _Generator:
        return Philox(seed) if self.source == "nv" else _Cpu(seed)

    def _first(self, one: Seeds, generator: _Generator) -> Tensor:
        small = self.shape if one.resized_from is None else (self.shape[0], *one.resized_from)
        noise = generator.randn(*self.shape) if small == self.shape else self._generator(one.seed).randn(*small)
        if one.strength:
            noise = between(noise, self._generator(one.subseed).randn(*small), one.strength)
        if small == self.shape:
            return noise
        return _placed(noise, generator.randn(*self.shape))


class _Brownian:
    """One picture's Brownian path over sigma (Kidger et al. 2021), of the same generators."""

    def __init__(self, seed: int, shape: tuple[int, int, int], low: float, high: float, numbers: "_Numbers") -> None:
        self.numbers = numbers
        with _drawing(numbers):
            self.tree = torchsde.BrownianTree(torch.tensor(low), torch.zeros(shape), torch.tensor(high), entropy=seed)

    def increment(self, now: float, after: float) -> Tensor:
        low, high = torch.tensor(min(now, after)), torch.tensor(max(now, after))
        with _drawing(self.numbers):
            way = self.tree(low, high) * (1 if now < after else -1)
        unit: Tensor = way / (high - low).sqrt()
        return unit


_Numbers = Callable[[int], _Generator]
_LOCK = RLock()


@contextmanager
def _drawing(numbers: _Numbers) -> Iterator[None]:
    """Let torchsde draw from our generators, which it has no argument for."""

    def draw(size: Sequence[int], dtype: torch.dtype, device: torch.device, seed: int) -> Tensor:
        drawn: Tensor = numbers(int(seed)).randn(*size).to(device, dtype)
        return drawn

    with _LOCK:
        theirs = brownian_interval._randn
        brownian_interval._randn = draw
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it compares ends rounded to 7 digits with ones that are not
                yield
        finally:
            brownian_interval._randn = theirs


def between(first: Tensor, second: Tensor, place: float) -> Tensor:
    """Along the arc between two noises (C, h, w), each row its own, as AUTOMATIC1111 mixes the noises of two seeds."""
    norms = [one / one.norm(dim=1, keepdim=True) for one in (first, second)]
    alike = (norms[0] * norms[1]).sum(dim=1)
    if alike.mean() > ALMOST_ALIKE:
        return first * place + second * (1 - place)
    angle = alike.acos()
    weights = [((share * angle).sin() / angle.sin())[:, None] for share in (1 - place, place)]
    mixed: Tensor = weights[0] * first + weights[1] * second
    return mixed


def _placed(noise: Tensor, ground: Tensor) -> Tensor:
    """`noise` (C, h, w) in the middle of `ground` (C, H, W), cut where it is larger."""
    places = []
    for small, large in zip(noise.shape[1:], ground.shape[1:], strict=True):
        gap = (large - small) // 2
        length = small if gap >= 0 else small + 2 * gap
        places.append((slice(max(gap, 0), max(gap, 0) + length), slice(max(-gap, 0), max(-gap, 0) + length)))
    (to_row, from_row), (to_column, from_column) = places
    ground[:, to_row, to_column] = noise[:, from_row, from_column]
    return ground
