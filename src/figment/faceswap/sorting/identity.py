"""The faces most like the commonest person first; strangers gather at the end."""

import numpy as np

from figment.core.errors import InputError
from figment.core.task import Progress, Task
from figment.faceswap.faceset import AlignedFace, Faceset

__all__ = ["HELP", "LABEL", "order"]

LABEL = "identity"
HELP = "the faces most like the commonest person first"
ALIKE = 0.5
"""Cosine of two faces that count as alike when the commonest person is looked for."""


def order(faceset: Faceset, _target: int) -> Task[list[AlignedFace]]:
    """By the cosine of the embedding with the mean of those around the face that has most others like it."""
    faces = faceset.faces()
    missing = next((face.name for face in faces if face.embedding is None), None)
    if missing is not None:
        raise InputError(f"The face {missing} has no embedding to tell who it is; extract the faces of the clip anew.")
    if not faces:
        return []
    vectors = np.stack([face.embedding for face in faces if face.embedding is not None])
    company = np.zeros(len(faces))
    for number, vector in enumerate(vectors):
        company[number] = (vectors @ vector > ALIKE).sum()
        yield Progress(number + 1, len(faces), "comparing")
    centre = vectors[vectors @ vectors[company.argmax()] > ALIKE].mean(0)
    return [faces[number] for number in np.argsort(-(vectors @ centre), kind="stable")]
