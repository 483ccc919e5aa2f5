"""Whether the faces of a faceset are all one person's.

An embedder says of two faces of one person that they point the same way, up to its `SAME`. By the default embedder, the
farthest of 318 faces in four clips of one person each had a cosine of 0.974 to the middle of its person, the nearest of
110 portraits of others 0.911; its `SAME`, 0.92, lies between.
"""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.models import embedders

__all__ = ["embedded", "middle", "strangers"]

Directions = NDArray[np.float32]
"""(N, D), each of length 1."""
COMPARED = 1000
"""Faces that are tried as the middle; of more, some that are spread evenly."""
LENGTH = 128
"""Numbers of the default embedder, which extraction notes."""


def embedded(faceset: Faceset, faces: list[AlignedFace]) -> Directions:
    """(N, 128) of `faces` by the default embedder; where the faceset does not note it, it is made from the picture."""
    embedder = embedders.find(embedders.DEFAULT)
    found = [
        face.embedding
        if face.embedding is not None and len(face.embedding) == LENGTH
        else embedder.embed(faceset.image(face), face.landmarks[None])[0]
        for face in faces
    ]
    return np.stack(found) if found else np.zeros((0, LENGTH), np.float32)


def middle(directions: Directions, same: float) -> NDArray[np.float32]:
    """(D,) of length 1: the middle of the person of most faces, of at least one.

    It is that of all faces within `same` of the one that has most others within `same`. The plain mean will not do:
    that of two people lies so near to both that neither would seem a stranger.
    """
    tried = directions[np.linspace(0, len(directions) - 1, min(len(directions), COMPARED)).round().astype(int)]
    alike = tried @ directions.T >= same
    total = directions[alike[alike.sum(1).argmax()]].sum(0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)


def strangers(directions: Directions, same: float) -> NDArray[np.intp]:
    """Numbers of the faces that are not of the person of most: farther than `same`, a cosine, from the middle."""
    if not len(directions):
        return np.zeros(0, np.intp)
    return np.flatnonzero(directions @ middle(directions, same) < same)
