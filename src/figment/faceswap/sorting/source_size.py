"""The faces that were largest in their frames first, which hold most detail."""

import numpy as np

from figment.core.task import Progress, Task
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["HELP", "LABEL", "area", "order"]

LABEL = "source size"
HELP = "the faces that were largest in their frames first"


def area(face: AlignedFace) -> float:
    """Area of the face's box in pixels of its frame."""
    left, top, right, bottom = face.box
    return float(np.maximum(right - left, 0) * np.maximum(bottom - top, 0))


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the area of the box, the largest first."""
    ordered = sorted(faceset.faces(), key=area, reverse=True)
    yield Progress(len(ordered), len(ordered), "measuring")
    return ordered
