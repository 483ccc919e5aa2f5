"""The sheet of people: a row of faces for each person in a clip, with the number by which one is chosen."""

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.align import matrix, warped
from figment.faceswap.deciding import Decided
from figment.faceswap.faces import FaceType
from figment.faceswap.frames import images
from figment.faceswap.side import Side
from figment.pixels.grids import contact_sheet, grid

__all__ = ["people_sheet"]

SHOWN, SIZE, MOST = 6, 96, 12
"""Faces of a person, their pixels, and people on the sheet."""


def people_sheet(side: Side, decided: Decided) -> NDArray[np.uint8]:
    """(H, W, 3): faces of each person of `decided`, spread over the clip."""
    rows: dict[int, list[int]] = {}
    for number in range(1, min(len(decided.counts), MOST) + 1):
        own = [face for face, person in enumerate(decided.people) if person == number]
        rows[number] = [own[place] for place in np.linspace(0, len(own) - 1, SHOWN).round().astype(int)]
    wanted: dict[int, list[int]] = {}
    for face in {face for row in rows.values() for face in row}:
        wanted.setdefault(decided.faces[face].frame, []).append(face)
    cut: dict[int, NDArray[np.uint8]] = {}
    for number, frame in zip(sorted(wanted), images(side, only=wanted), strict=False):
        for face in wanted[number]:
            place = matrix(decided.faces[face].landmarks, SIZE, FaceType.WHOLE)
            cut[face] = warped(frame, place, SIZE)
    strips = [grid([cut[face] for face in row], SHOWN) for row in rows.values()]
    return contact_sheet(strips, [f"{number}: {decided.counts[number - 1]} frames" for number in rows], 1)
