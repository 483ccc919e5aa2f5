"""Invisible watermarks side by side: what they cost, what they survive, and whether they see ghosts.

    python benchmarks/watermark.py --portraits PORTRAITS.tar --media FOLDER [--pictures 60] [--crops 5000] [--no-peers]

Needs scikit-image for pictures and SSIM, and av (PyAV) for H.264. The peers are measured where they are installed:
`pip install opencv-python-headless PyWavelets; pip install --no-deps invisible-watermark blind-watermark`.
Times are CPU milliseconds, medians; survival is the percentage of pictures whose 64 bits are all right.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from watermark_attacks import ATTACKS, REQUIRED, h264, saved
from watermark_peers import Scheme, schemes
from watermark_pictures import clips, crops, pictures, portraits

from figment.pixels.resizing import resize
from figment.trust.watermark import TOLERATED, Watermark, capacity

Picture = NDArray[np.uint8]
T = TypeVar("T")
SMALL_SIDES = (128, 160, 192, 224, 256, 320, 384)
SMALL_ATTACKS: dict[str, Callable[[Picture], Picture]] = {
    "none": lambda image: image,
    "JPEG 90": lambda image: saved(image, "JPEG", 90),
    "JPEG 75": lambda image: saved(image, "JPEG", 75),
    "JPEG 50": lambda image: saved(image, "JPEG", 50),
    "WebP 80": lambda image: saved(image, "WEBP", 80),
}


@dataclass
class Figures:
    """What was measured of one scheme."""

    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    embed: list[float] = field(default_factory=list)
    detect: list[float] = field(default_factory=list)
    unmarked: list[float] = field(default_factory=list)
    exact: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in ATTACKS})


def cpu_ms(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the CPU milliseconds that it took."""
    start = time.process_time()
    result = work()
    return result, 1000 * (time.process_time() - start)


def quality(image: Picture, marked: Picture) -> tuple[float, float]:
    """PSNR in dB and SSIM, over all channels."""
    error = float(np.mean((image.astype(np.float64) - marked) ** 2))
    ssim = import_module("skimage.metrics").structural_similarity
    return 10 * float(np.log10(255**2 / max(error, 1e-9))), float(ssim(image, marked, channel_axis=2))


def measured(scheme: Scheme, images: Sequence[Picture], seed: int) -> Figures:
    """`scheme` on all `images` under all attacks."""
    figures, rng = Figures(), np.random.default_rng(seed)
    scheme.read(scheme.embed(images[0], 0))  # tables that are made once are not counted
    for image in images:
        payload = int(rng.integers(2**64, dtype=np.uint64))
        marked, spent = cpu_ms(partial(scheme.embed, image, payload))
        figures.embed.append(spent)
        figures.detect.append(cpu_ms(partial(scheme.read, marked))[1])
        figures.unmarked.append(cpu_ms(partial(scheme.read, image))[1])
        for values, value in zip((figures.psnr, figures.ssim), quality(image, marked), strict=True):
            values.append(value)
        for name, attack in ATTACKS.items():
            figures.exact[name].append(scheme.read(attack(marked)) == payload)
    return figures


def print_comparison(columns: dict[str, Figures]) -> None:
    print(f"{'':24}" + "".join(f"{name:>17}" for name in columns))
    rows: dict[str, Callable[[Figures], str]] = {
        "PSNR mean / least": lambda f: f"{statistics.mean(f.psnr):.1f} / {min(f.psnr):.1f}",
        "SSIM mean / least": lambda f: f"{statistics.mean(f.ssim):.3f} / {min(f.ssim):.3f}",
        "embed, ms": lambda f: f"{statistics.median(f.embed):.1f}",
        "read marked, ms": lambda f: f"{statistics.median(f.detect):.1f}",
        "read unmarked, ms": lambda f: f"{statistics.median(f.unmarked):.1f}",
    }
    for label, cell in rows.items():
        print(f"{label:24}" + "".join(f"{cell(figures):>17}" for figures in columns.values()))
    for name in ATTACKS:
        label = name if name in REQUIRED else f"({name})"
        print(f"{label:24}" + "".join(f"{100 * np.mean(f.exact[name]):16.0f}%" for f in columns.values()))


def print_small(images: Sequence[Picture]) -> None:
    """How often marks in small pictures are seen, and read."""
    watermark = Watermark(b"benchmark")
    print("\nsmall pictures: seen % / read %" + "".join(f"{name:>12}" for name in SMALL_ATTACKS) + "        PSNR")
    for side in SMALL_SIDES:
        seen: dict[str, list[tuple[bool, bool]]] = {name: [] for name in SMALL_ATTACKS}
        levels = []
        for payload, image in enumerate(images):
            small = resize(image, (side, side))
            marked = watermark.embed(small, payload)
            levels.append(quality(small, marked)[0])
            for name, attack in SMALL_ATTACKS.items():
                mark = watermark.detect(attack(marked))
                seen[name].append((mark.present, mark.payload == payload))
        cells = "".join(f"{'{:.0f} / {:.0f}'.format(*(100 * np.mean(pairs, axis=0))):>12}" for pairs in seen.values())
        print(f"{side:4} px, {capacity(side, side):2} bits              {cells}{statistics.mean(levels):12.1f}")


def print_clips(media: Path, payload: int = 0x0123_4567_89AB_CDEF) -> None:
    """Whether clips of 3 s keep the payload through H.264, from every third frame; and what the mark costs in bytes."""
    watermark = Watermark(b"benchmark")
    moving = clips(media)
    for crf in (23, 28, 33):
        clip_right, frames_right, growth = [], [], []
        for frames in moving:
            coded, size = h264([watermark.embed(frame, payload, (0, 0)) for frame in frames], crf)
            clip_right.append(watermark.detect_frames(coded[::3]).payload == payload)
            frames_right += [watermark.detect(frame).payload == payload for frame in coded[::15]]
            growth.append(size / h264(frames, crf)[1])
        shares = f"{np.mean(clip_right):.0%} of {len(moving)} clips, {np.mean(frames_right):.0%} of single frames"
        print(f"H.264 crf {crf}: {shares}; file size x{statistics.mean(growth):.2f}")


def print_false_positives(sources: Sequence[Picture], number: int) -> None:
    """Marks seen in crops of `sources`, which have none, beside the bound that holds for them."""
    watermark = Watermark(b"benchmark")
    marks = [watermark.detect(crop) for crop in crops(sources, number, seed=1)]
    heights = np.array([mark.score for mark in marks])
    print(
        f"\nunmarked crops: {len(marks)} of {len(sources)} pictures; marks seen: {sum(mark.present for mark in marks)}"
    )
    print(f"  z of the sync: mean {heights.mean():.2f}, sd {heights.std():.2f}, highest {heights.max():.2f}")
    print(f"  least stated false-positive rate {min(mark.false_positive_rate for mark in marks):.1e}")
    print(f"  a mark is called present at {TOLERATED:.0e} or less")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, default=Path("portraits.tar"), help="tar of portraits")
    parser.add_argument("--media", type=Path, default=Path("media"), help="folder of MP4 clips")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--crops", type=int, default=5000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--only", choices=("still", "small", "clips", "false"), help="one part alone")
    options = parser.parse_args()
    images = pictures(options.portraits, options.media)[: options.pictures]
    print(f"{len(images)} pictures")
    if options.only in (None, "still"):
        print_comparison({s.name: measured(s, images, seed=0) for s in schemes(peers=not options.no_peers)})
    if options.only in (None, "small"):
        print_small(images)
    if options.only in (None, "clips"):
        print_clips(options.media)
    if options.only in (None, "false"):
        print_false_positives([*images, *portraits(options.portraits)], options.crops)


if __name__ == "__main__":
    main()
