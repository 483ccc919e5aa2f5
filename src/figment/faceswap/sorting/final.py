"""The best faces to train on: so many, spread over where they look, the sharpest, unlike each other."""

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.blur import sharpness
from figment.faceswap.sorting.choosing import chosen

__all__ = ["HELP", "LABEL", "order"]

LABEL = "final"
HELP = "the sharpest faces of every pose, unlike each other, up to the target; the others are dropped"


def order(faceset: Faceset, target: int) -> Task[list[AlignedFace]]:
    """At most `target` faces, by their sharpness."""
    return chosen(faceset, target, sharpness)
