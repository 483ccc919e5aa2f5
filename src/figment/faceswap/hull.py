"""The outline of a face: the hull of its points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

__all__ = ["corners"]


def corners(points: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]] | None:
    """Those of `points` (N, 2) that span their convex hull, in order; None where they span no area."""
    try:
        found: NDArray[np.floating[Any]] = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return None
    return found
