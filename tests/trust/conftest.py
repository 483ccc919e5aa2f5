"""An identity that signs, pictures that are signed, and a detector for tests that are not about the watermark."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from figment.pixels.files import Format, encode
from figment.trust.findings import Report
from figment.trust.keys import Identity
from figment.trust.labels import Operation, Provenance
from figment.trust.metadata import describe
from figment.trust.sign import sign
from figment.trust.verify import inspect

CREATED = Provenance.of(Operation.CREATE, model="tiny", model_sha256="ab" * 32)


@dataclass(frozen=True)
class Unmarked:
    """A detector for pictures that carry no watermark: it finds none."""

    present: bool = False
    score: float = 0.0
    payload: int | None = None
    false_positive_rate: float = 1e-6

    def detect(self, image: NDArray[np.uint8]) -> "Unmarked":
        assert image.ndim == 3
        return self

    def detect_frames(self, frames: Sequence[NDArray[np.uint8]]) -> "Unmarked":
        return self.detect(frames[0])


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.ensure(tmp_path_factory.mktemp("home") / "identity")


def picture(seed: int = 0, size: tuple[int, int] = (40, 48)) -> NDArray[np.uint8]:
    """Something that looks a little like a picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((size[0] // 5, size[1] // 6, 1), np.uint8)) ^ rng.integers(
        0, 8, (*size, 3), dtype=np.uint8
    )


def unsigned(seed: int = 0, format: Format = "png") -> bytes:
    """A picture file as it is just before it is signed."""
    return describe(encode(picture(seed), format, text="a red apple\nSteps: 2"), format, CREATED.source_type)


def signed(identity: Identity, seed: int = 0, format: Format = "png", provenance: Provenance = CREATED) -> bytes:
    return sign(unsigned(seed, format), format, provenance, identity)


def examined(content: bytes, folder: Path, identity: Identity, name: str = "picture") -> Report:
    """The report on a file of this content."""
    path = folder / name
    path.write_bytes(content)
    return inspect(path, trusted=identity.anchors(), detector=Unmarked())
