"""A chain of faces, each followed by the one most like it in its colours: lights and places come together."""

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.histograms import distances, root_histogram
from figment.faceswap.sorting.ranking import chain, measured

__all__ = ["HELP", "LABEL", "order"]

LABEL = "histogram"
HELP = "each face is followed by the one most like it in its colours"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """The chain, from the face that is first now."""
    faces = faceset.faces()
    roots = yield from measured(faceset, faces, root_histogram)
    numbers = yield from chain(distances(roots), len(faces))
    return [faces[number] for number in numbers]
