"""A swapped clip looked at frame by frame, beside the clip that it was made from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figment.core.errors import InputError
from figment.core.task import Progress, Task
from figment.faceswap.align import Openings, hull_mask, matrix, openings
from figment.faceswap.faces import FaceType, Found
from figment.faceswap.faceset import AlignedFace
from figment.faceswap.lanczos import warped
from figment.faceswap.merge.warp import levels
from figment.faceswap.models import embedders, landmarkers
from figment.faceswap.report.flicker import flicker
from figment.faceswap.report.likeness import masked_ssim, offsets, pose_error
from figment.faceswap.report.result import Measured, Report
from figment.faceswap.report.seam import seam
from figment.faceswap.report.strip import Strip

__all__ = ["MOST", "Draw", "Material", "independent", "looked_at", "measured", "reconstruction"]

Frame = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Draw = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Faces of the source (B, S, S, 3), drawn again by the network, in [0, 1]."""

MOST = 600
"""Frames that are looked at; of a longer clip some stretches of three, evenly spread."""
SIZE = 192
"""Side of the aligned picture on which flicker and seam are measured."""
AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Material:
    """What a report is made of."""

    before: Iterable[Frame]
    """All frames of the target's clip in turn."""
    after: Iterable[Frame]
    """All frames of the result in turn."""
    count: int
    """How many each has."""
    faces: Mapping[int, AlignedFace]
    """The target's face by frame, where there is one."""
    mask: Callable[[int], NDArray[np.uint8] | None]
    """(H, W): how far, up to 255, each pixel of a frame shows the swapped face; None where it was left as it is."""
    source: NDArray[np.float32]
    """(N, D) of length 1: held-out faces of the source by the embedder that had no part in the swap; see
    `independent`."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """One frame that was looked at."""

    face: AlignedFace
    made: NDArray[np.float32]
    """(D,): who the result shows."""
    was: NDArray[np.float32]
    """(D,): who was there before."""
    offsets: NDArray[np.float64]
    """(68, 2): see `offsets`."""
    pose: float
    openings: tuple[Openings, Openings]
    """After the swap, and before it."""
    before: Frame
    """(SIZE, SIZE, 3): aligned."""
    after: Frame
    mask: NDArray[np.float32]
    """(SIZE, SIZE) in [0, 1]."""


def measured(material: Material) -> Task[Report]:
    """Look at the frames of both clips. Raises InputError where they do not have as many frames as is said."""
    chosen, seen, strip = looked_at(material.count), list[_Seen](), Strip(material.count)
    faces, swapped = list[Measured](), 0
    for number, before, after in _pairs(material):
        mask = material.mask(number) if number in material.faces else None
        strip.add(number, before, after)
        if mask is None or not mask.any():
            continue
        swapped += 1
        if number in chosen:
            seen.append(_looked(before, after, mask, material.faces[number]))
            faces.append(_judged(seen[-1]))
            _note_flicker(faces, seen[-3:])
            yield Progress(number + 1, material.count, "measuring")
    compared = _compared(faces, seen, material.source)
    return Report(material.count, len(material.faces), swapped, compared, strip=strip.picture())


def independent(pictures: Iterable[tuple[AlignedFace, Frame]]) -> NDArray[np.float32]:
    """(N, D): whom the faces of a faceset show, by the embedder that has no part in extraction or training."""
    embedder = embedders.find(embedders.INDEPENDENT)
    found = [embedder.embed(picture, face.landmarks[None])[0] for face, picture in pictures]
    return np.stack(found) if found else np.zeros((0, 0), np.float32)


def reconstruction(faces: Sequence[tuple[Frame, NDArray[np.floating[Any]]]], draw: Draw) -> Task[float]:
    """SSIM within the hull of held-out faces of the source, as `draw` draws them again; NaN for none.

    Each is a picture (S, S, 3), as large as the network takes it, and its points (68, 2).
    """
    likeness = list[float]()
    for start in range(0, len(faces), AT_ONCE):
        group = faces[start : start + AT_ONCE]
        for (picture, points), made in zip(group, draw(np.stack([face for face, _ in group])), strict=True):
            likeness.append(masked_ssim(levels(made), picture, hull_mask(points, len(picture))))
        yield Progress(start + len(group), len(faces), "drawing held-out faces again")
    return float(np.nanmean(likeness)) if likeness else float("nan")


def looked_at(count: int) -> frozenset[int]:
    """Numbers of the frames of `count` that are looked at: all, or stretches of three."""
    if count <= MOST:
        return frozenset(range(count))
    starts = np.linspace(0, count - 3, MOST // 3).round().astype(int).tolist()
    return frozenset(start + step for start in starts for step in range(3))


def _pairs(material: Material) -> Iterator[tuple[int, Frame, Frame]]:
    """Number of each frame, and how it was and is."""
    number = -1
    for number, (before, after) in enumerate(zip_longest(material.before, material.after)):
        if before is None or after is None or before.shape != after.shape:
            raise InputError("The result is not as long or as large as the clip it was made from; make it again.")
        yield number, before, after
    if number + 1 != material.count:
        raise InputError(f"The clips have {number + 1} frames, not {material.count}; merge the clip again.")


def _looked(before: Frame, after: Frame, mask: NDArray[np.uint8], face: AlignedFace) -> _Seen:
    points = face.source_landmarks
    found = [Found.around(points)]
    landmarker, embedder = landmarkers.find(landmarkers.DEFAULT), embedders.find(embedders.INDEPENDENT)
    was, made = (landmarker.landmarks(frame, found) for frame in (before, after))
    aligned = matrix(points, SIZE, FaceType.FULL)
    return _Seen(
        face,
        embedder.embed(after, made)[0],
        embedder.embed(before, was)[0],
        offsets(made[0], was[0], aligned),
        pose_error(made[0], was[0]),
        (openings(made[0]), openings(was[0])),
        warped(before, aligned, SIZE),
        warped(after, aligned, SIZE),
        warped(np.repeat(mask[..., None], 3, 2), aligned, SIZE)[..., 0].astype(np.float32) / np.float32(255),
    )


def _judged(seen: _Seen) -> Measured:
    """What can be said of a frame by itself; whom it looks like is told when all are seen."""
    nan = float("nan")
    seams = seam(seen.after, seen.mask), seam(seen.before, seen.mask)
    made, was = seen.openings
    return Measured(
        seen.face.frame, nan, nan, _length(seen.offsets), seen.pose, *seams,
        eyes=made.eyes, eyes_before=was.eyes, mouth=made.mouth, mouth_before=was.mouth,
    )  # fmt: skip


def _note_flicker(faces: list[Measured], three: Sequence[_Seen]) -> None:
    """Note it of the frame before the last, where the last three follow each other in one shot."""
    numbers, shots = [seen.face.frame for seen in three], {seen.face.shot for seen in three}
    if len(three) < 3 or numbers[2] - numbers[0] != 2 or len(shots) > 1:
        return
    mask = np.minimum.reduce([seen.mask for seen in three])
    made, was = (
        flicker(pictures, mask) for pictures in zip(*((seen.after, seen.before) for seen in three), strict=True)
    )
    faces[-2] = replace(faces[-2], flicker=made, flicker_before=was)


def _compared(faces: Sequence[Measured], seen: Sequence[_Seen], source: NDArray[np.float32]) -> tuple[Measured, ...]:
    """`faces` with how their points move, and how much they are like the source and like the target."""
    if not seen:
        return tuple(faces)
    always = np.mean([one.offsets for one in seen], axis=0)
    moving = [replace(face, movement=_length(one.offsets - always)) for face, one in zip(faces, seen, strict=True)]
    if not len(source):
        return tuple(moving)
    theirs, own = (_middle(each) for each in (source, np.stack([one.was for one in seen])))
    return tuple(
        replace(face, to_source=float(one.made @ theirs), to_target=float(one.made @ own))
        for face, one in zip(moving, seen, strict=True)
    )


def _length(offsets: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(offsets, axis=1).mean())


def _middle(directions: NDArray[np.float32]) -> NDArray[np.float32]:
    total = directions.sum(0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)
