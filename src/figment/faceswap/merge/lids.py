"""Lids of a drawn face closed as far as those of the face that it covers.

A network has seen few closed eyes, and draws them half open. Where the covered eyes are closed, skin is drawn over the
drawn ones, as a lid does: along each line down through an eye, what lies above, within and below is stretched and
squeezed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figment.faceswap.align import EYES, eye_opening
from figment.faceswap.merge.warp import Pixels

__all__ = ["Gaps", "closed"]

LEAST = 0.01
"""Share of the faces of a clip whose lids are taken to be as near as they come."""
CLOSES = 0.75
"""Share of the usual distance that this must be below for those lids to meet."""
MEETING = 0.1
"""How far apart lids that meet are told to be, by the width of the eye, where it is not known otherwise."""
OPEN = 0.25
"""How far apart those of open eyes are at least."""
BEGINS, WHOLE = 0.9, 0.8
"""Below which share of the usual distance lids are moved at all, and by all that they are off."""
ROUND = 0.75
"""Power of a parabola that lids are bent like; eyes are less pointed than one."""
FRINGE = 0.04
"""How far under its points an eye that is drawn softly goes on."""
BENT = 0.7
"""Power of what is told, from meeting to open, that lids are apart: at first they come nearer in what is told."""
RISE = 0.25
"""How far up an eye closed lids meet."""
ABOVE, BELOW = 0.6, 0.5
"""How far skin moves over and under an eye, by its width."""
LIMIT = 0.8
"""Share of it that lids are moved at most."""
TINY = 1e-6


@dataclass(frozen=True)
class Gaps:
    """How far apart the lids of each eye of a person are, by the width of the eye."""

    usual: tuple[float, float]
    """As `eye_opening` tells."""
    meeting: tuple[float, float]
    """What it tells where they meet, which is more than 0, most of all behind glasses."""

    @classmethod
    def of(cls, faces: NDArray[np.floating]) -> "Gaps":
        """Those of `faces` (N, 68, 2) of one person."""
        told = np.array([[eye_opening(face[eye]) for eye in EYES] for face in faces])
        usual, least = np.median(told, axis=0), np.quantile(told, LEAST, axis=0)
        meeting = np.where(least < CLOSES * usual, least, np.minimum(MEETING, CLOSES * usual))
        return cls((usual[0], usual[1]), (meeting[0], meeting[1]))

    def closing(self, landmarks: NDArray[np.floating]) -> tuple[float, float]:
        """How much of what lids are off is to be taken back, for each eye of `landmarks` (68, 2), from 0 to 1."""
        left, right = (
            min(1.0, max(0.0, (BEGINS * usual - eye_opening(landmarks[eye])) / max((BEGINS - WHOLE) * usual, TINY)))
            for eye, usual in zip(EYES, self.usual, strict=True)
        )
        return left, right


DRAWN = Gaps((OPEN, OPEN), (MEETING, MEETING))


def closed(covered: NDArray[np.floating], drawn: NDArray[np.floating], gaps: Gaps, size: int) -> Pixels:
    """(S, S, 2): how far right and below of each pixel of the square lies what belongs there.

    `covered` and `drawn` (68, 2) are points of the face that is covered, of a person with `gaps`, and of the one that
    is drawn, in pixels of the square.
    """
    places = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float64)
    result = np.zeros_like(places)
    for number, (points, share) in enumerate(zip(EYES, gaps.closing(covered), strict=True)):
        if share > 0:
            eye = _Eye(covered[points])
            along, down = eye.coordinates(places)
            there, (upper, lower) = _met(covered[points], gaps, number), _met(drawn[points], DRAWN, number)
            here = upper, min(lower + FRINGE, LIMIT * BELOW)
            result += (share * eye.wide * (_moved(along, down, there, here) - down))[..., None] * eye.below
    moved: Pixels = result.astype(np.float32)
    return moved


class _Eye:
    """An eye (6, 2) as a corner, an axis from it to the other corner, and one that points down."""

    def __init__(self, points: NDArray[np.floating]) -> None:
        self.corner = points[0].astype(np.float64)
        across = points[3].astype(np.float64) - self.corner
        self.wide = max(float(np.hypot(*across)), TINY)
        self.along = across / self.wide
        self.below = np.array([-self.along[1], self.along[0]])

    def coordinates(self, places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How far `places` (..., 2) are along the eye, from 0 to 1, and below its corners."""
        off = (places - self.corner) / self.wide
        return off @ self.along, off @ self.below


def _met(points: NDArray[np.floating], gaps: Gaps, number: int) -> tuple[float, float]:
    """How far below the corners the lids of eye `number` (6, 2) are, within what can be moved."""
    _, down = _Eye(points).coordinates(points.astype(np.float64))
    lower, told = float(down[[4, 5]].mean()), eye_opening(points)
    usual, meeting = gaps.usual[number], gaps.meeting[number]
    apart = told if told >= usual else usual * (max(0.0, told - meeting) / max(usual - meeting, TINY)) ** BENT
    low = float(np.clip(lower - RISE * (told - apart), -LIMIT * ABOVE, LIMIT * BELOW))
    return max(low - apart, -LIMIT * ABOVE), low


def _moved(
    along: NDArray[np.float64], down: NDArray[np.float64], there: tuple[float, float], here: tuple[float, float]
) -> NDArray[np.float64]:
    """How far `down` lies what belongs to each place, for lids `there` that are drawn `here`; `down` far from them."""
    arch = ((along * (1 - along)).clip(0) * 4.5) ** ROUND  # 1 at a third and two thirds of the way, where lids are told
    (top, bottom), (upper, lower) = ([lid * arch for lid in lids] for lids in (there, here))
    over = -ABOVE + (down + ABOVE) * (upper + ABOVE) / (top + ABOVE)
    under = BELOW - (BELOW - down) * (BELOW - lower) / (BELOW - bottom)
    within = upper + (down - top) * (lower - upper) / np.maximum(bottom - top, TINY)
    near = (down > -ABOVE) & (down < BELOW)
    return np.where(near, np.where(down < top, over, np.where(down > bottom, under, within)), down)
