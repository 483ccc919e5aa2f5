"""What an inspection of a file gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from figment.trust.containers import Container
from figment.trust.credentials import Manifest
from figment.trust.metadata import Found

__all__ = ["Detector", "Mark", "Report", "Verdict", "WatermarkFinding"]

Verdict = Literal["signed", "altered input", "altered", "foreign", "marked", "claimed", "nothing"]
"""
signed          credentials of this installation; the file and all its inputs whole
altered input   valid credentials, but an input had been changed after it was signed
altered         credentials that do not fit the file
foreign         valid credentials by a signer who is not known here
marked          no credentials; a watermark of this or another Figment
claimed         nothing but metadata that anybody can write
nothing         none of these
"""


class Mark(Protocol):
    """What a watermark detector finds in one picture."""

    @property
    def present(self) -> bool:
        """Whether the watermark is there."""

    @property
    def score(self) -> float:
        """How far its signal stands out, in standard deviations."""

    @property
    def payload(self) -> int | None:
        """Number that it carries, where it could be read without error."""

    @property
    def false_positive_rate(self) -> float:
        """How often a picture without it would be said to have it."""


class Detector(Protocol):
    """Anything that looks for a watermark."""

    def detect(self, image: NDArray[np.uint8]) -> Mark:
        """What is in `image`, uint8 (H, W, 3)."""

    def detect_frames(self, frames: Sequence[NDArray[np.uint8]]) -> Mark:
        """What is in the `frames` of a clip, at least one, each uint8 (H, W, 3)."""


@dataclass(frozen=True)
class WatermarkFinding:
    """Whether Figment's watermark is in the picture."""

    not_examined: str = ""
    """Why the file was not examined; empty if it was."""
    present: bool = False
    score: float = 0.0
    """How far the signal stands out, in standard deviations."""
    payload: str = ""
    """Number that this installation put into it, hexadecimal; empty where there is none that its key can read."""
    false_positive_rate: float = 1.0
    """How often a picture without it would be said to have it."""


@dataclass(frozen=True)
class Report:
    """All that was found in one file."""

    path: Path
    container: Container
    verdict: Verdict
    headline: str
    """The verdict in a sentence."""
    reasons: tuple[str, ...]
    """What it rests on: credentials, then watermark, then metadata."""
    credentials: Manifest
    watermark: WatermarkFinding
    metadata: Found
