"""What Content Credentials cost: signing a picture and reading the signature back, CPU milliseconds, medians.

    python benchmarks/credentials.py [--side 512] [--rounds 9]

The picture is a composed scene under a little noise, so that it compresses as photographs do. Aim: 15 ms for both at
512 x 512.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from figment.pixels.files import Format, encode
from figment.trust.credentials import Manifest, read_credentials
from figment.trust.keys import Identity
from figment.trust.labels import Operation, Provenance
from figment.trust.sign import MIME, sign

T = TypeVar("T")


def picture(side: int) -> NDArray[np.uint8]:
    """A smooth picture with noise of the strength of a camera's."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, side)
    smooth = np.stack([ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None], ramp[::-1] + 0 * ramp[:, None]], axis=2)
    return np.clip(smooth + rng.normal(20, 3, smooth.shape), 0, 255).astype(np.uint8)


def cpu_ms(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the CPU milliseconds that it took."""
    start = time.process_time()
    result = work()
    return result, 1000 * (time.process_time() - start)


def read(signed: bytes, format: Format, identity: Identity) -> Manifest:
    return read_credentials(io.BytesIO(signed), MIME[format], identity.anchors())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    image, provenance = picture(options.side), Provenance.of(Operation.CREATE, model="benchmark")
    with tempfile.TemporaryDirectory() as folder:
        identity = Identity.ensure(Path(folder))
        for format in get_args(Format):
            plain = encode(image, format)
            signing, reading = [], []
            for _ in range(options.rounds + 1):
                signed, spent = cpu_ms(partial(sign, plain, format, provenance, identity))
                signing.append(spent)
                found, spent = cpu_ms(partial(read, signed, format, identity))
                reading.append(spent)
                assert found.state == "trusted"
            sign_ms, read_ms = statistics.median(signing[1:]), statistics.median(reading[1:])
            added = len(signed) - len(plain)
            print(
                f"{format:5} sign {sign_ms:5.1f}  read {read_ms:5.1f}  both {sign_ms + read_ms:5.1f} ms  +{added} bytes"
            )


if __name__ == "__main__":
    main()
