"""Merging a swapped face into frames of 480 x 480: frames per second and CPU milliseconds, medians.

    python benchmarks/merge.py [--side 480] [--face 256] [--rounds 9]

The face fills 60 % of the frame's side, as in a portrait. The first row is what a fresh project is set to; at least 15
frames per second are wanted there. The others change one setting.
"""

import argparse
import statistics
import time

import numpy as np
from PIL import Image
from skimage.data import astronaut

from figment.faceswap.merge import Colour, MergeSettings, Mode, Swapped, merged
from figment.faceswap.merge.warp import inverse, sampled

SHARE = 0.6
ROWS = {
    "as a fresh project": MergeSettings(),
    "eroded and blurred": MergeSettings(erode=40, blur=120),
    "hist-match": MergeSettings(mode=Mode.HIST_MATCH),
    "seamless": MergeSettings(mode=Mode.SEAMLESS),
    "seamless-hist-match": MergeSettings(mode=Mode.SEAMLESS_HIST_MATCH),
    **{f"colours by {colour}": MergeSettings(colour=colour) for colour in Colour},
    "super-resolution": MergeSettings(super_resolution=50),
    "denoised": MergeSettings(denoise=100),
}


def made(side: int, face: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], Swapped]:
    """A frame, and a darker face of `face` pixels to be put into it."""
    frame = np.array(Image.fromarray(astronaut()).resize((side, side)))
    scale = face / (SHARE * side)
    matrix = np.array([[scale, 0, -0.2 * side * scale], [0, scale, -0.2 * side * scale]], np.float32)
    y, x = np.mgrid[:face, :face] - (face - 1) / 2
    mask = (0.4 * face - np.hypot(x, y)).clip(0, 1).astype(np.float32)
    rgb = sampled(frame.astype(np.float32) / np.float32(255), inverse(matrix), (face, face)) * np.float32(0.8)
    ring = np.linspace(0, 2 * np.pi, 68)
    landmarks = face / 2 + 0.3 * face * np.stack([np.cos(ring), np.sin(ring)], 1)
    return frame, Swapped(matrix, landmarks.astype(np.float32), rgb, mask, mask)


def main() -> None:
    """Print a row for each setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=480)
    parser.add_argument("--face", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    frame, face = made(arguments.side, arguments.face)
    print(f"{'setting':24} {'frames/s':>9} {'CPU ms':>8}")
    for name, settings in ROWS.items():
        merged(frame, [face], settings)
        walls, works = [], []
        for _ in range(arguments.rounds):
            wall, work = time.perf_counter(), time.process_time()
            merged(frame, [face], settings)
            walls.append(time.perf_counter() - wall)
            works.append(time.process_time() - work)
        print(f"{name:24} {1 / statistics.median(walls):9.1f} {1000 * statistics.median(works):8.1f}", flush=True)


if __name__ == "__main__":
    main()
