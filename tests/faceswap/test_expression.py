"""How far a face opens its eyes and its mouth, and that what draws it is taught to follow."""

from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.data import astronaut
from tests.faceswap.made_swap import SMALL
from torch import Tensor

from figment.faceswap.affine import moved
from figment.faceswap.align import FaceType, matrix, openings, warped
from figment.faceswap.batches import Examples, Faces
from figment.faceswap.expression import LIP, Expressions, Following, held, rare
from figment.faceswap.model import SwapNetwork
from figment.faceswap.models.detectors import blazeface
from figment.faceswap.models.landmarkers import face_mesh

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def points() -> NDArray[np.float32]:
    """(68, 2) of the portrait."""
    found: NDArray[np.float32] = face_mesh.landmarks(astronaut(), blazeface.detect(astronaut()[None])[0])[0]
    return found


def cut(points: NDArray[np.float32], size: int, face_type: FaceType = FaceType.FULL) -> Tensor:
    """(1, 3, size, size) in [0, 1]: the face of the portrait."""
    face = warped(astronaut(), matrix(points, size, face_type), size)
    return torch.from_numpy(face).permute(2, 0, 1)[None].float() / 255


def narrowed(face: Tensor, points: NDArray[np.float32], part: slice) -> Tensor:
    """`face` as `cut` made it, with what lies within `part` a third as high and its surroundings drawn out."""
    rows = moved(points[part], matrix(points, face.shape[-1], FaceType.FULL))[:, 1]
    middle, half = float(rows.mean()), float(np.ptp(rows)) / 2 + 2
    places = [middle - 3 * half, middle - half / 3, middle + half / 3, middle + 3 * half]
    taken = np.arange(face.shape[-2], dtype=np.float64)
    near = (taken > places[0]) & (taken < places[-1])
    taken[near] = np.interp(taken[near], places, [places[0], middle - half, middle + half, places[-1]])
    low = np.floor(taken).astype(int)
    share = torch.from_numpy(taken - low).float()[:, None]
    return face[:, :, low] * (1 - share) + face[:, :, np.minimum(low + 1, face.shape[-2] - 1)] * share


@pytest.mark.parametrize("face_type", [*FaceType])
@pytest.mark.parametrize("size", [96, 192])
def test_openings_are_those_of_the_points(points: NDArray[np.float32], face_type: FaceType, size: int) -> None:
    found = Expressions(size, face_type, CPU)(cut(points, size, face_type))[0]
    wanted = openings(points)
    across = np.hypot(*(points[36] - points[45])) / np.hypot(*(points[[36, 42]] - points[[39, 45]]).T).mean()
    assert float(found[:6].mean()) == pytest.approx(wanted.eyes, abs=0.03)
    assert float(found[6:9].mean()) == pytest.approx(LIP * wanted.mouth / across, abs=0.03)
    assert float(found[9]) == pytest.approx(
        np.hypot(*(points[48] - points[54])) / np.hypot(*(points[36] - points[45])), abs=0.05
    )


def test_what_closes_is_told_and_nothing_else(points: NDArray[np.float32]) -> None:
    told, face = Expressions(192, FaceType.FULL, CPU), cut(points, 192)
    plain, eyes, mouth = (
        told(one)[0] for one in (face, narrowed(face, points, slice(36, 48)), narrowed(face, points, slice(60, 68)))
    )
    assert float(eyes[:6].mean()) < 0.75 * float(plain[:6].mean())
    assert float(mouth[6:9].mean()) < 0.75 * float(plain[6:9].mean())
    assert torch.allclose(eyes[6:], plain[6:], atol=0.06)
    assert torch.allclose(mouth[:6], plain[:6], atol=0.06)


def test_a_gradient_opens_a_mouth(points: NDArray[np.float32]) -> None:
    """Steps that only change pixels come nearer to what is wanted; points that meet have a gradient too."""
    told, face = Expressions(96, FaceType.FULL, CPU), cut(points, 96).requires_grad_()
    wanted = told(face.detach())[0, 6] + 0.1
    before = (told(face)[0, 6] - wanted).abs()
    (grown,) = torch.autograd.grad(before, face)
    assert grown.isfinite().all()
    nearer = face.detach() - 0.5 * grown / grown.norm()
    assert (told(nearer)[0, 6] - wanted).abs().item() < 0.7 * before.item()
    blank = torch.zeros(1, 3, 96, 96, requires_grad=True)
    assert torch.autograd.grad(told(blank).sum(), blank)[0].isfinite().all()


class Portraits:
    """Faces of a side, some of them with narrow eyes."""

    def __init__(self, *faces: Tensor) -> None:
        self.size, self.faces = faces[0].shape[-1], torch.cat(faces)

    def __len__(self) -> int:
        return len(self.faces)

    def plain(self, which: slice) -> Examples:
        return Examples(*[self.faces[which]] * 4)


def test_a_swap_follows_that_opens_its_eyes_as_much_more_than_usual(points: NDArray[np.float32]) -> None:
    """A person of narrow eyes, drawn from one of wide eyes who narrows them."""
    wide = cut(points, 192)
    narrow = narrowed(wide, points, slice(36, 48))
    narrower = narrowed(narrow, points, slice(37, 42))
    sides = [Portraits(narrow, narrow, wide), Portraits(wide, wide, narrow)]
    following = Following(cast(list[Faces], sides), FaceType.FULL, CPU)
    as_usual, same, closed = (
        float(following.loss(drawn, seen)) for drawn, seen in ((narrow, wide), (narrow, narrow), (narrower, narrow))
    )
    assert as_usual < 1e-6
    assert same > 0.02
    assert closed < same
    for chances in following.shares:
        assert chances.sum() == pytest.approx(1)
        assert chances[2] > 3 * chances[:2].max() > 0


def test_faces_that_are_all_alike_are_shown_alike() -> None:
    np.testing.assert_allclose(rare(torch.ones(4, 10)), 0.25)


def test_a_held_decoder_teaches_only_what_comes_before_it() -> None:
    network = SwapNetwork(SMALL)
    told = network.inter(network.encoder(torch.rand(2, 3, 32, 32)))
    with held(network.decoder_src):
        drawn = network.decoder_src.face(told)
    drawn.mean().backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is None and weight.requires_grad for weight in network.decoder_src.parameters())
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.encoder.parameters())
