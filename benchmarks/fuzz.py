"""Mutated files for every parser: each must be read or refused in a sentence, never crash, stall or fill the memory.

    python benchmarks/fuzz.py [--count 10000] [--seed 0] [PARSER ...]

The parsers run in a child process, so that a crash is seen, told with the number of its file, and survived.
Prints a table and ends with exit code 1 when anything but a reading or a refusal happened.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from figment.core import unpickle, weights
from figment.core.errors import FigmentError
from figment.pixels import clips, files
from figment.pixels.errors import PixelError
from figment.trust.consent import Consent, Scope, Subject
from figment.trust.ledger import Ledger

REFUSALS = (FigmentError, PixelError, unpickle.Refused)
SLOW = 20.0
"""Seconds of CPU time after which a file counts as a stall."""
MOST_MEMORY = 2**30
"""Bytes, of which the libraries take about a third."""


@dataclass
class Tally:
    """What became of the files of one parser."""

    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    """CPU seconds."""
    memory: int = 0
    """Most bytes that the process held; 0 where the system does not tell."""
    faults: list[str] = field(default_factory=list)
    """What should not have happened, with the number of the file."""


def gradient() -> np.ndarray:
    rows, columns = np.mgrid[0:48, 0:64]
    return np.stack([rows * 5, columns * 4, rows + columns], axis=-1).astype(np.uint8)


def picture(format: files.Format) -> bytes:
    return files.encode(gradient(), format, text="빨간 사과\nSteps: 12")


def clip(codec: str, format: str) -> bytes:
    content = io.BytesIO()
    with av.open(content, "w", format=format) as container:
        stream: Any = container.add_stream(codec, rate=12)  # of the kind that the codec makes it
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shift in range(6):
            image = np.roll(gradient(), 4 * shift, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return content.getvalue()


def animation() -> bytes:
    content = io.BytesIO()
    first, *rest = (Image.fromarray(np.roll(gradient(), 4 * shift, axis=1)) for shift in range(4))
    first.save(content, "GIF", save_all=True, append_images=rest)
    return content.getvalue()


def tensors() -> dict[str, torch.Tensor]:
    return {"w": torch.arange(6.0).reshape(2, 3), "h": torch.ones(5, dtype=torch.float16), "n": torch.tensor(3)}


def checkpoint(zipped: bool) -> bytes:
    content = io.BytesIO()
    torch.save({"state_dict": tensors(), "epoch": 3}, content, _use_new_zipfile_serialization=zipped)
    return content.getvalue()


def ledger() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        me = Consent(Subject.SELF, "me", (Scope.TRAIN, Scope.SWAP), "trying it out")
        Ledger(path).add(me, age=30, confirmed=True)
        Ledger(path).withdraw("me")
        return path.read_bytes()


def read_picture(path: Path) -> None:
    files.load(path)
    files.read_text(path)


def read_clip(path: Path) -> None:
    clips.probe(path)
    for _ in islice(clips.frames(path), 12):
        pass


PARSERS: Mapping[str, tuple[Callable[[], bytes], Callable[[Path], object]]] = {
    "png": (lambda: picture("png"), read_picture),
    "jpeg": (lambda: picture("jpeg"), read_picture),
    "webp": (lambda: picture("webp"), read_picture),
    "mp4": (lambda: clip("libx264", "mp4"), read_clip),
    "mov": (lambda: clip("mpeg4", "mov"), read_clip),
    "webm": (lambda: clip("libvpx", "webm"), read_clip),
    "avi": (lambda: clip("mpeg4", "avi"), read_clip),
    "gif": (animation, read_clip),
    "safetensors": (lambda: save(tensors()), weights.load),
    "checkpoint": (lambda: checkpoint(True), unpickle.read),
    "old-checkpoint": (lambda: checkpoint(False), unpickle.read),
    "ledger": (ledger, lambda path: Ledger(path).records()),
}


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """`content` after one to four changes, most of them near its start, where headers are."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        place = int(len(changed) * rng.random() ** 2)
        length = int(rng.integers(1, 17))
        match rng.integers(0, 6):
            case 0:
                changed[place : place + 1] = bytes([rng.integers(0, 256)])
            case 1:
                changed[place : place + length] = rng.bytes(length)
            case 2:
                extreme = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
                changed[place : place + 4] = bytes([extreme]) * 4
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = changed[place : place + 4 * length]
            case _:
                del changed[place + int((len(changed) - place) * rng.random()) :]
    return bytes(changed)


def work(names: Sequence[str], seed: int, first: int, count: int, folder: Path) -> None:
    """Feed files to the parsers `names` in this process, to the first of them from number `first`; print tallies."""
    for name in names:
        print(json.dumps([name, asdict(tally_of(name, seed, range(first, count), folder))]), flush=True)
        first = 0


def tally_of(name: str, seed: int, numbers: Iterable[int], folder: Path) -> Tally:
    """Feed the files of these numbers to the parser `name`. What it works on stays in `folder` when it crashes."""
    make, read = PARSERS[name]
    content, path, tally = make(), folder / "file", Tally()
    for number in numbers:
        path.write_bytes(mutated(content, np.random.default_rng((seed, number))))
        (folder / "number").write_text(str(number))
        start = time.process_time()
        try:
            read(path)
            tally.read += 1
        except REFUSALS:
            tally.refused += 1
        except Exception as error:  # noqa: BLE001  # any other error is what this program looks for
            tally.faults.append(f"file {number}: {error!r}")
        tally.slowest = max(tally.slowest, time.process_time() - start)
    tally.memory = peak_memory()
    return tally


def peak_memory() -> int:
    """Most bytes that this process has held; 0 on Windows, which does not tell."""
    if sys.platform == "win32":
        return 0
    status = Path("/proc/self/status")
    if status.is_file():  # Linux, where getrusage counts what the process held before it became this program
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def fuzz(names: Sequence[str], seed: int, count: int) -> Iterator[tuple[str, Tally]]:
    """Tallies of the parsers `names` in turn: one for each, and one more after every crash."""
    first = 0
    with tempfile.TemporaryDirectory() as folder:
        while names:
            numbers = [str(number) for number in (seed, first, count)]
            command = [sys.executable, __file__, "--work", folder, *numbers, *names]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
                for line in child.stdout or ():
                    name, values = json.loads(line)
                    yield name, Tally(**values)
                    names, first = names[1:], 0
            if names:
                crashed = int((Path(folder) / "number").read_text())
                yield names[0], Tally(faults=[f"file {crashed}: ended with exit code {child.returncode}"])
                first = crashed + 1


def report(name: str, tally: Tally) -> bool:
    """Print one row; whether all is well."""
    print(
        f"{name:15} read {tally.read:6}  refused {tally.refused:6}  faults {len(tally.faults):3}  "
        f"slowest {tally.slowest:6.3f} s  memory so far {tally.memory >> 20:5} MB",
        *tally.faults[:5],
        sep="\n    ",
        flush=True,
    )
    return not tally.faults and tally.slowest < SLOW and tally.memory < MOST_MEMORY


def main() -> None:
    if sys.argv[1:2] == ["--work"]:
        folder, seed, first, count, *names = sys.argv[2:]
        work(names, int(seed), int(first), int(count), Path(folder))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help=", ".join(PARSERS))
    parser.add_argument("--count", type=int, default=10_000, help="files for each parser")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = options.parsers or list(PARSERS)
    well = [report(name, tally) for name, tally in fuzz(names, options.seed, options.count)]
    sys.exit(not all(well))


if __name__ == "__main__":
    main()
