"""Faces from those that look up to those that look down."""

from figment.core.task import Task
from figment.faceswap.align import pose
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.ranking import by_points

__all__ = ["HELP", "LABEL", "order"]

LABEL = "pitch"
HELP = "from faces that look up to those that look down"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the angle of the nod."""
    return by_points(faceset, lambda landmarks: -pose(landmarks).pitch)
