"""The faces as they follow in the clip: what undoes every other order."""

from figment.core.task import Progress, Task
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["HELP", "LABEL", "order"]

LABEL = "original name"
HELP = "the faces as they follow in the clip"


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By clip or file, frame, and number in the frame."""
    ordered = sorted(faceset.faces(), key=lambda face: (face.source, face.frame, face.index, face.name))
    yield Progress(len(ordered), len(ordered), "measuring")
    return ordered
