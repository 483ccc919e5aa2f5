"""As "final", by the size of the faces in their frames in place of their sharpness."""

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.choosing import chosen
from figment.faceswap.sorting.source_size import area

__all__ = ["HELP", "LABEL", "order"]

LABEL = "final fast"
HELP = "the largest faces of every pose, unlike each other, up to the target; the others are dropped"


def order(faceset: Faceset, target: int) -> Task[list[AlignedFace]]:
    """At most `target` faces, by their size in the frame."""
    return chosen(faceset, target, lambda face, _image: area(face))
