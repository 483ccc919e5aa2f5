"""What teaches the drawn face to do what the other one does: how far lids and lips are apart, told by Face Mesh.

Nothing else in the training of a swap sees the swap itself, since no picture says how it should look. How far it opens
its eyes and its mouth can be told, though, and a gradient flows through what tells it. Distances of points are
compared, not points: they hang little on how a face is built and turned (the eye closure loss of Feng et al. 2021,
"Learning an animatable detailed 3D face model from in-the-wild images").
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from figment.faceswap.align import MEAN, USED, matrix
from figment.faceswap.batches import Faces, Shares
from figment.faceswap.faces import FaceType
from figment.faceswap.models.landmarkers import face_mesh
from figment.faceswap.models.stored import fill

__all__ = ["Expressions", "Following", "held", "rare"]

EYES = (((159, 145), (158, 153), (160, 144)), ((386, 374), (385, 380), (387, 373)))
"""Points of the mesh on the upper lid of an eye, each with the one on the lower lid under it."""
LIPS = ((13, 14), (82, 87), (312, 317))
"""Points on the inner edge of the upper lip, each with the one of the lower lip under it."""
CORNERS = (61, 291)
"""Of the mouth."""
LIP = 2.0
"""How much more lips count, by the distance of the eyes, than lids do by an eye's width."""
CROP = 2.2
"""Side of what Face Mesh is shown, and its middle: in units of the square that the type "half" shows."""
MIDDLE = (0.5, 0.42)
RARE = 0.7
"""Share of chances that goes by how far a face is from what is usual."""
AT_ONCE = 32
TINY = 1e-6
"""Square pixels, as points that meet have no direction to be drawn apart; and what keeps shares of nothing finite."""


class Expressions:
    """Tells openings of faces that lie as `matrix` of their type lays them."""

    def __init__(self, size: int, face_type: FaceType, device: torch.device) -> None:
        self.network = fill(face_mesh.Network(), "face_mesh").to(device)
        points = np.tile(MEAN.mean(0), (68, 1))
        points[USED] = MEAN
        across, _, left, _, _, top = matrix(points, size, face_type).ravel()
        x, y = (
            2 * (across * place + corner + 0.5) / size - 1 for place, corner in zip(MIDDLE, (left, top), strict=True)
        )
        wide = CROP * across / size
        self.place = torch.tensor([[[wide, 0.0, x], [0.0, wide, y]]], device=device, dtype=torch.float32)

    def __call__(self, faces: Tensor) -> Tensor:
        """(B, 10) of faces (B, 3, S, S) in [0, 1]: three of each eye, four of the mouth.

        By the width of the eye, where an open one has some 0.3, and by the distance of the eyes.
        """
        place = self.place.expand(len(faces), 2, 3)
        grid = affine_grid(place, [len(faces), 3, face_mesh.SIZE, face_mesh.SIZE], align_corners=False)
        crops = grid_sample(faces.float(), grid, padding_mode="border", align_corners=False)
        points = self.network(crops.contiguous(memory_format=torch.channels_last))[0][..., :2]
        between = _apart(points, 33, 263)
        found = []
        for lids, (left, right) in zip(EYES, face_mesh.EYES, strict=True):
            wide = _apart(points, left, right)
            found += [_apart(points, upper, lower) / wide for upper, lower in lids]
        found += [LIP * _apart(points, upper, lower) / between for upper, lower in LIPS]
        return torch.stack([*found, _apart(points, *CORNERS) / between], 1)


class Following:
    """How far a face of src, drawn from one of dst, is from doing what that one does.

    Both open their eyes and their mouth by more or less than the person usually does, and should by as much.
    """

    def __init__(self, sides: Sequence[Faces], face_type: FaceType, device: torch.device) -> None:
        """Look at all faces of both `sides`, src and dst."""
        self.device, self.expressions = device, Expressions(sides[0].size, face_type, device)
        openings = [self._openings(side) for side in sides]
        src, dst = (one.median(0).values for one in openings)
        self.apart = src - dst
        self.shares = [rare(one) for one in openings]
        """For each side, chances of its faces by which those that open eyes or mouth unusually are shown more."""

    def loss(self, swapped: Tensor, dst: Tensor) -> Tensor:
        """Mean difference of openings of `swapped` and of `dst` that it was drawn from, both (B, 3, S, S) in [0, 1]."""
        with torch.no_grad():
            wanted = self.expressions(dst) + self.apart
        return (self.expressions(swapped) - wanted).abs().mean()

    @torch.no_grad()
    def _openings(self, side: Faces) -> Tensor:
        """(N, 10) of all its faces."""
        groups = [slice(start, start + AT_ONCE) for start in range(0, len(side), AT_ONCE)]
        return torch.cat([self.expressions(side.plain(group).face.to(self.device)) for group in groups])


def rare(openings: Tensor) -> Shares:
    """Chances, the greater the further one of `openings` (N, K) is from the median, by the usual distance."""
    apart = (openings - openings.median(0).values).abs()
    apart = (apart / apart.mean(0).clamp_min(TINY)).mean(1).double().cpu() + TINY
    shares: Shares = ((1 - RARE) / len(apart) + RARE * apart / apart.sum()).numpy()
    return shares


@contextmanager
def held(decoder: nn.Module) -> Iterator[None]:
    """What `decoder` draws here teaches what comes before it, and not the decoder.

    A decoder that is taught by what looks at its pictures finds smears that look to it like closed eyes.
    """
    weights = list(decoder.parameters())
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)


def _apart(points: Tensor, one: int, other: int) -> Tensor:
    """(B,): how far two of (B, N, 2) points are apart."""
    return ((points[:, one] - points[:, other]).square().sum(1) + TINY).sqrt()
