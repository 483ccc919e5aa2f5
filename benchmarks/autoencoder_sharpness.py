"""How sharp an autoencoder is, and what sharpening with perceptual and adversarial terms does to it.

    python benchmarks/autoencoder_sharpness.py BEFORE.png AFTER.png -o strip.png

Takes the sample sheets that a run draws at the end of its stages "autoencoder" and "sharpen": rows of real pictures,
then the same rows reconstructed. Prints PSNR and the share of the real pictures' edge energy that is kept, overall and
in the finest octave of the spectrum, and draws a strip: real, before, after.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.core.files import write_bytes
from figment.pixels.files import encode, load
from figment.pixels.grids import grid

Pictures = list[NDArray[np.uint8]]
PADDING = 2


def cells(sheet: NDArray[np.uint8], side: int) -> Pictures:
    """The pictures of a sheet that `figment.pixels.grids.grid` laid out, row by row."""
    step = side + PADDING
    rows, columns = (sheet.shape[0] - PADDING) // step, (sheet.shape[1] - PADDING) // step
    corners = [(PADDING + row * step, PADDING + column * step) for row in range(rows) for column in range(columns)]
    return [sheet[top : top + side, left : left + side] for top, left in corners]


def grey(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    return picture.astype(np.float64) @ (0.299, 0.587, 0.114)


def psnr(real: NDArray[np.uint8], made: NDArray[np.uint8]) -> float:
    error = np.square(real.astype(np.float64) - made).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def edges(picture: NDArray[np.uint8]) -> float:
    """Mean absolute difference of neighbouring pixels."""
    values = grey(picture)
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())


def finest(picture: NDArray[np.uint8]) -> float:
    """Spectral power above half the Nyquist frequency."""
    spectrum = np.abs(np.fft.fft2(grey(picture))) ** 2
    frequency = np.abs(np.fft.fftfreq(len(picture)))
    return float(spectrum[np.maximum(frequency[:, None], frequency) > 0.25].sum())


def figures(real: Pictures, made: Pictures) -> tuple[float, float, float]:
    """Median PSNR in dB, and medians of kept edge and finest-octave energy as shares of the real ones."""
    pairs = list(zip(real, made, strict=True))
    return (
        float(np.median([psnr(a, b) for a, b in pairs])),
        float(np.median([edges(b) / edges(a) for a, b in pairs])),
        float(np.median([finest(b) / finest(a) for a, b in pairs])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--show", type=int, default=8, help="pictures in the strip")
    options = parser.parse_args()
    before, after = (cells(load(path), options.side) for path in (options.before, options.after))
    half = len(before) // 2
    real = before[:half]
    print(f"{'':28}{'PSNR':>9}{'edges kept':>13}{'finest octave kept':>21}")
    for name, made in (("L1 + perceptual", before[half:]), ("then sharpened", after[half:])):
        decibel, edge, fine = figures(real, made)
        print(f"{name:28}{decibel:6.1f} dB{edge:12.0%}{fine:20.0%}")
    rows = [*real[: options.show], *before[half : half + options.show], *after[half : half + options.show]]
    write_bytes(options.out, encode(grid(rows, columns=options.show), "png"))


if __name__ == "__main__":
    main()
