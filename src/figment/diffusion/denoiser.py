"""The network as samplers see it: x_0 guessed from x = x_0 + sigma * noise, led by prompts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from figment.diffusion.conditions import Conditions, guided
from figment.diffusion.kinds import Prediction
from figment.diffusion.networks import Conditioning, UNet
from figment.nn.noise import time_of

__all__ = ["Denoiser", "Guidance", "Known"]


@dataclass(frozen=True)
class Guidance:
    """How strongly, and when, prompts lead."""

    scale: float
    first: float = 0.0
    """Share of the calls before which it is off."""
    last: float = 1.0
    """Share of the calls after which it is off."""
    skip_below: float = 0.0
    """Sigma below which every other call does without the negative prompt."""
    always: bool = False
    """Whether the negative prompt is asked at a scale of 1 too, for samplers that step by it."""


@dataclass(frozen=True, eq=False)
class Known:
    """What of a picture is kept."""

    latents: Tensor
    """(1 or B, 4, h, w)."""
    anew: Tensor
    """(1, 1, h, w) in [0, 1]: 1 where it is painted anew, at every step; less from a later step on, if `gradual`."""
    gradual: bool = False
    ahead: bool = False
    """Whether it is put into what the network sees, without noise, not into what it says: AUTOMATIC1111 does so for
    samplers of whole times."""

    def seen(self, x: Tensor, sigma: float) -> Tensor:
        """`x` as the network sees it."""
        return x + (1 - self.anew) * (self.latents * (sigma**2 + 1) ** 0.5 - x) if self.ahead else x

    def kept(self, guess: Tensor, done: float) -> Tensor:
        """`guess` of x_0 after a share `done` of the calls, with what is known put back.

        Gradually: each place joins in once the share of calls left is less than its grey (Levin & Fried 2023).
        """
        anew = (self.anew > done).to(guess) if self.gradual else self.anew
        return self.latents + anew * (guess - self.latents)


class Denoiser:
    """`figment.nn.samplers.Denoise` for a batch of pictures of the same prompts."""

    def __init__(
        self,
        unet: UNet,
        prediction: Prediction,
        sigmas: Tensor,
        conditions: Conditions,
        guidance: Guidance,
        calls: int,
        *,
        beside: Tensor | None = None,
        known: Known | None = None,
    ) -> None:
        self.unet, self.prediction, self.sigmas = unet, prediction, sigmas
        self.conditions, self.guidance, self.calls = conditions, guidance, calls
        self.beside = beside
        """(1 or B, 5, h, w): mask and masked latents for a network of nine channels."""
        self.known = known
        self.call = 0
        self.unconditional: Tensor | None = None
        """The last guess without the prompt, which some samplers step by."""

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        told, refused = self.conditions.at(self.call)
        weights = [weight for _, weight in told]
        idle = self.guidance.scale == 1 and weights == [1.0] and not self.guidance.always
        led = self._leads(sigma) and not idle
        parts = [one for one, _ in told] + ([refused] if led else [])
        guesses = self._guesses(x, sigma, parts)
        if led:
            self.unconditional = guesses[-1]
            guess = guided(guesses[:-1], weights, guesses[-1], self.guidance.scale)
        else:
            self.unconditional = guesses[0]
            guess = guided(guesses, weights, guesses[0], 1.0) if len(guesses) > 1 else guesses[0]
        if self.known is not None and not self.known.ahead:
            guess = self.known.kept(guess, self.call / max(1, self.calls))
        self.call += 1
        return guess

    def _leads(self, sigma: float) -> bool:
        done = self.call / max(1, self.calls)
        skipped = self.call % 2 == 1 and sigma < self.guidance.skip_below
        return self.guidance.first <= done < self.guidance.last and not skipped

    def _guesses(self, x: Tensor, sigma: float, parts: list[Conditioning]) -> list[Tensor]:
        """x_0 as the network guesses it for each of `parts`; those of one length in one call."""
        seen = x if self.known is None else self.known.seen(x, sigma)
        scaled = seen / (sigma**2 + 1) ** 0.5
        if self.beside is not None:
            scaled = torch.cat([scaled, self.beside.expand(len(x), -1, -1, -1)], dim=1)
        found: list[Tensor] = []
        for group in _of_one_length(parts):
            inputs = scaled.repeat(len(group), 1, 1, 1)
            times = torch.full((len(inputs),), time_of(sigma, self.sigmas))
            told = Conditioning.joined([_repeated(part, len(x)) for part in group])
            found += self.unet(inputs, times, told).chunk(len(group))
        if self.prediction == "noise":
            return [x - sigma * said for said in found]
        share = (sigma**2 + 1) ** -0.5
        return [share * (share * seen - sigma * said) + (x - seen) for said in found]


def _of_one_length(parts: list[Conditioning]) -> list[list[Conditioning]]:
    """`parts` in runs whose contexts have one length."""
    runs: list[list[Conditioning]] = []
    for part in parts:
        if runs and runs[-1][-1].context.shape[1] == part.context.shape[1]:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _repeated(part: Conditioning, count: int) -> Conditioning:
    def of(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.expand(count, -1)

    return Conditioning(part.context.expand(count, -1, -1), of(part.pooled), of(part.sizes))
