"""Pictures turned, scaled and shifted with the Lanczos window (Duchon 1979), three lobes wide.

Where the picture shrinks, the window grows with it, so that what is too fine for the result does not come back as a
false pattern.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from figment.faceswap.affine import Matrix, backward

__all__ = ["warped"]

LOBES = 3
STEPS = 1024
"""Entries of the table of the window for each lobe; the nearest one is used, which is exact to 8 bits."""
MOST = 256
"""Times that a picture is shrunk at most with all its pixels looked at."""

_PLACES = np.arange(LOBES * STEPS + 1) / STEPS
_WINDOW = (np.sinc(_PLACES) * np.sinc(_PLACES / LOBES)).astype(np.float32)


def warped(image: NDArray[np.uint8], matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """uint8 (size, size, 3) of `image` (H, W, 3), whose pixels go where `matrix` (2, 3) says; black from outside it."""
    back = backward(np.asarray(matrix, np.float64))
    spread = float(np.clip(np.sqrt(abs(np.linalg.det(back[:, :2]))), 1, MOST))
    return np.asarray(_resampled(np.ascontiguousarray(image), back, size, spread, _WINDOW))


@njit(cache=True, nogil=True)
def _resampled(
    image: NDArray[np.uint8], back: Matrix, size: int, spread: float, window: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The picture at `back` of each pixel, weighed over `spread` pixels a lobe."""
    result = np.zeros((size, size, 3), np.uint8)
    most = int(2 * LOBES * spread) + 2
    across, down = np.empty(most, np.float32), np.empty(most, np.float32)
    for row in range(size):
        for column in range(size):
            x = back[0, 0] * column + back[0, 1] * row + back[0, 2]
            y = back[1, 0] * column + back[1, 1] * row + back[1, 2]
            reach = LOBES * spread
            if x > -reach and y > -reach and x < image.shape[1] + reach and y < image.shape[0] + reach:
                left, columns = _weigh(across, x, spread, window)
                top, rows = _weigh(down, y, spread, window)
                _sum(image, result[row, column], left, top, across[:columns], down[:rows])
    return result


@njit(cache=True, nogil=True)
def _weigh(weights: NDArray[np.float32], place: float, spread: float, window: NDArray[np.float32]) -> tuple[int, int]:
    """Fill `weights` with such that sum to 1; number of the first pixel that they are for, and how many there are."""
    first = int(np.ceil(place - LOBES * spread))
    count = int(np.floor(place + LOBES * spread)) - first + 1
    total = np.float32(0)
    for number in range(count):
        weights[number] = window[int(abs(first + number - place) * (STEPS / spread) + 0.5)]
        total += weights[number]
    share = np.float32(1) / total
    for number in range(count):
        weights[number] *= share
    return first, count


@njit(cache=True, nogil=True, fastmath=True)
def _sum(
    image: NDArray[np.uint8],
    pixel: NDArray[np.uint8],
    left: int,
    top: int,
    across: NDArray[np.float32],
    down: NDArray[np.float32],
) -> None:
    """Set `pixel` to the sum of the picture from (`left`, `top`) by its weights `across` and `down`."""
    red = green = blue = np.float32(0)
    begin, end = max(0, -left), min(len(across), image.shape[1] - left)
    for number in range(max(0, -top), min(len(down), image.shape[0] - top)):
        row = image[top + number]
        some = other = third = np.float32(0)
        for place in range(begin, end):
            weight = across[place]
            some += weight * row[left + place, 0]
            other += weight * row[left + place, 1]
            third += weight * row[left + place, 2]
        red += down[number] * some
        green += down[number] * other
        blue += down[number] * third
    for channel, value in enumerate((red, green, blue)):
        pixel[channel] = int(min(max(float(value), 0.0), 255.0) + 0.5)
