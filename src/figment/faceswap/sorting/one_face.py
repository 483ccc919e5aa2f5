"""Only the faces that are alone in their frames."""

from collections import Counter

from figment.core.task import Progress, Task
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["HELP", "LABEL", "order"]

LABEL = "one face"
HELP = "only the faces that are alone in their frames; the others are dropped"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """The faces whose frame has no second one that is in, in the order that they had."""
    faces = faceset.faces()
    count = Counter((face.source, face.frame) for face in faces)
    yield Progress(len(faces), len(faces), "counting")
    return [face for face in faces if count[face.source, face.frame] == 1]
