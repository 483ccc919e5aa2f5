"""Faces from those that look to the left of the picture to those that look to its right."""

from figment.core.task import Task
from figment.faceswap.align import pose
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.ranking import by_points

__all__ = ["HELP", "LABEL", "order"]

LABEL = "yaw"
HELP = "from faces that look to the left of the picture to those that look to its right"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the angle around the neck."""
    return by_points(faceset, lambda landmarks: pose(landmarks).yaw)
