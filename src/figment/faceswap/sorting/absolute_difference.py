"""A chain of faces, each followed by the one most like it, pixel by pixel."""

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.differences import distances, small
from figment.faceswap.sorting.ranking import chain, measured

__all__ = ["HELP", "LABEL", "order"]

LABEL = "absolute difference"
HELP = "each face is followed by the one most like it, pixel by pixel"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """The chain, from the face that is first now."""
    faces = faceset.faces()
    pictures = yield from measured(faceset, faces, small)
    numbers = yield from chain(distances(pictures), len(faces))
    return [faces[number] for number in numbers]
