"""BlazeFace at both ranges: the near one is surer of faces that fill the picture, the far one finds the rest."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.faces import Found
from figment.faceswap.models.detectors import blazeface_far, blazeface_near

__all__ = ["LABEL", "detect"]

LABEL = "BlazeFace"


def detect(frames: NDArray[np.uint8]) -> list[list[Found]]:
    """For each of (B, H, W, 3) frames, the faces in it, the surest first."""
    near, far = blazeface_near.detect(frames), blazeface_far.detect(frames)
    return [_joined(*faces) for faces in zip(near, far, strict=True)]


def _joined(near: list[Found], far: list[Found]) -> list[Found]:
    """All of the near ones, and those of the far ones whose middle lies in none of these."""
    more = [face for face in far if not any(_holds(other, face) for other in near)]
    return sorted([*near, *more], key=lambda face: -face.score)


def _holds(face: Found, other: Found) -> bool:
    middle = (other.box[:2] + other.box[2:]) / 2
    return bool((face.box[:2] < middle).all() and (middle < face.box[2:]).all())
