"""The faces least like all others in their colours first: strange lights, hands over the face, wrong cuts."""

from figment.core.task import Task
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.sorting.histograms import distances, root_histogram
from figment.faceswap.sorting.ranking import measured, sparse

__all__ = ["HELP", "LABEL", "order"]

LABEL = "dissimilar histogram"
HELP = "the faces least like all others in their colours first"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the sum of distances to all others, the largest first."""
    faces = faceset.faces()
    roots = yield from measured(faceset, faces, root_histogram)
    numbers = yield from sparse(distances(roots), len(faces))
    return [faces[number] for number in numbers]
