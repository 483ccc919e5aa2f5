"""How far faces are apart by the colours that they hold, wherever these lie in the picture."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faceset import AlignedFace
from figment.faceswap.sorting.ranking import Distances

__all__ = ["distances", "root_histogram"]


def root_histogram(_face: AlignedFace, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Square roots (3, 256) of the shares of the pixels of `image` that have each level of each channel."""
    counts = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(image, -1, 0)])
    roots: NDArray[np.float32] = np.sqrt(counts / (image.shape[0] * image.shape[1])).astype(np.float32)
    return roots


def distances(roots: list[NDArray[np.float32]]) -> Distances:
    """Bhattacharyya distances, sqrt(1 - sum sqrt(p q)), summed over the channels: 0 for equal, 3 for strangers."""
    table = np.ascontiguousarray(np.stack(roots, 1)) if roots else np.zeros((3, 0, 256), np.float32)

    def of(number: int) -> NDArray[np.float32]:
        overlap = np.stack([channel @ channel[number] for channel in table])
        away: NDArray[np.float32] = np.sqrt(np.clip(1 - overlap, 0, 1)).sum(0)
        return away

    return of
