"""Faces for training, kept in memory, and batches of them by number, so that a run that goes on sees the same."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from figment.core.errors import DataError
from figment.faceswap.affine import moved
from figment.faceswap.align import FaceType, hull_mask, matrix, pose, warped
from figment.faceswap.faceset import AlignedFace, Faceset
from figment.faceswap.warp import bend, cut, placed

__all__ = ["Examples", "Faces", "Shares", "split"]

Shares = NDArray[np.float64]
"""(N,): how likely each face is to be shown; they sum to 1."""

LARGER = 1.5
"""How much larger faces are kept than they are shown, so that turning them blurs little."""
HELD_OUT = 16
"""Most faces of a side that are kept back to judge by."""
BIN = 0.15
"""Radians of yaw, and of pitch, within which faces look in one direction."""
PARTS = (range(36, 42), range(42, 48), range(48, 60))
"""Points of the eyes and of the mouth."""


class Examples(NamedTuple):
    """Faces to learn from."""

    shown: Tensor
    """(B, 3, S, S) in [0, 1]: bent, for the encoder."""
    face: Tensor
    """(B, 3, S, S) in [0, 1]: what should be drawn."""
    mask: Tensor
    """(B, 1, S, S) in [0, 1]: the hull of the face."""
    parts: Tensor
    """(B, 1, S, S) in [0, 1]: eyes and mouth."""

    def part(self, number: int, of: int) -> "Examples":
        """Every `of`-th example, from `number` on."""
        return Examples(*(tensor[number::of] for tensor in self))


class Faces:
    """The faces of one side in memory."""

    def __init__(self, faceset: Faceset, faces: Sequence[AlignedFace], size: int, face_type: FaceType) -> None:
        """Read `faces`; batches of them are `size` pixels wide and show as much as `face_type` says."""
        self.size = size
        kept = [_kept(faceset.image(face), face, int(size * LARGER), face_type) for face in faces]
        self.planes = torch.from_numpy(np.stack(kept))
        self.even = _even([pose(face.landmarks)[:2] for face in faces])

    def __len__(self) -> int:
        return len(self.planes)

    def batch(
        self, number: int, count: int, seed: tuple[int, ...], shares: Shares | None, *, turned: float, bent: float
    ) -> Examples:
        """`count` examples, the same whenever asked for `number` with `seed`.

        `shares` (N,) are the chances of the faces, alike where they are None; those of `even` show each direction in
        which the face looks as often as any other. `turned` says how far faces are turned, shifted and scaled, and
        `bent` how far they are bent, from 0 to 1.
        """
        rng = np.random.default_rng((*seed, number))
        chosen = rng.choice(len(self), count, p=shares)
        planes = self.planes[torch.from_numpy(chosen)].float() / 255
        places = torch.from_numpy(np.stack([placed(rng, turned) for _ in range(count)]))
        bends = torch.stack([bend(rng, self.size) for _ in range(count)]) * bent
        straight = cut(planes, places, None, self.size)
        shown = cut(planes[:, :3], places, bends, self.size) if bent else straight[:, :3]
        return Examples(shown, straight[:, :3], straight[:, 3:4], straight[:, 4:])

    def plain(self, which: slice = slice(None)) -> Examples:
        """All faces, or `which`, in turn and as they are."""
        planes = self.planes[which].float() / 255
        straight = cut(planes, torch.eye(2, 3).expand(len(planes), 2, 3), None, self.size)
        return Examples(straight[:, :3], straight[:, :3], straight[:, 3:4], straight[:, 4:])


def split(faceset: Faceset) -> tuple[list[AlignedFace], list[AlignedFace]]:
    """The faces to learn from, and those to judge by: spread over the last tenth of the clip.

    Frames that follow each other look alike, so that those to judge by are kept back in one piece. Raises DataError
    for fewer than two faces.
    """
    faces = sorted(faceset.faces(), key=lambda face: (face.frame, face.index))
    if len(faces) < 2:
        raise DataError(f"{faceset.folder} holds {len(faces)} faces; at least two are needed, better some hundreds.")
    back = max(1, len(faces) // 10)
    learnt, kept = faces[:-back], faces[-back:]
    return learnt, kept[:: -(-back // HELD_OUT)]


def _kept(image: NDArray[np.uint8], face: AlignedFace, size: int, face_type: FaceType) -> NDArray[np.uint8]:
    """(5, size, size): colours, hull, and eyes with mouth."""
    place = matrix(face.landmarks, size, face_type)
    points = moved(face.landmarks, place)
    masks = np.stack([hull_mask(points, size), _parts(points, size)])
    return np.concatenate([warped(image, place, size).transpose(2, 0, 1), (masks * 255).round().astype(np.uint8)])


def _parts(points: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """(size, size): 1 where the eyes and the mouth are, and a little around them."""
    picture = Image.new("L", (size, size))
    pen = ImageDraw.Draw(picture)
    for part in PARTS:
        corners = points[list(part)]
        try:
            outline = corners[ConvexHull(corners).vertices]
        except QhullError:
            continue
        wider = corners.mean(0) + 1.3 * (outline - corners.mean(0))
        pen.polygon([(float(x), float(y)) for x, y in wider], fill=1)
    return np.asarray(picture, np.float32)


def _even(poses: Sequence[tuple[float, ...]]) -> Shares:
    """Chances under which every bin of yaw and pitch that has a face is as likely as any other."""
    bins = np.floor(np.array(poses) / BIN).astype(int)
    _, which, counts = np.unique(bins, axis=0, return_inverse=True, return_counts=True)
    shares: Shares = 1 / counts[which.ravel()] / len(counts)
    return shares
